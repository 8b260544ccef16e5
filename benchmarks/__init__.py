"""Speed, memory and import time beside other libraries: `python -m benchmarks`."""
