def play(*_): pass
