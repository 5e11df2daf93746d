"""Live outputs that other programs listen to: LSL, OSC, WebSocket, a virtual camera."""
