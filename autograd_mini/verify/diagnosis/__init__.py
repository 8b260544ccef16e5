"""Why is this gradient wrong? The search for the mistake, and the words in which it is told."""
