"""One module for each outside thing: a camera, the inference runtime, the broker. Each imports its own library."""
