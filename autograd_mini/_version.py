version = "1.0.0b1"
