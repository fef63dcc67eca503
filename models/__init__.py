"""The networks, each a .tflite file with its sidecar; installed as edgepose.models."""
