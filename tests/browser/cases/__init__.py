"""What the element must do. Every function without a leading underline is a case; it gets a `form.Form`."""
