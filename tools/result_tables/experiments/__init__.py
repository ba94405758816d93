"""Tables of what the experiments found, a module each."""
