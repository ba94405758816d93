"""From the trained final model to one ONNX bundle: its training, temperature, graph and licences."""
