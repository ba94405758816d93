"""The first layers of Whisper's encoder as an ONNX file, made of the published weights."""
