"""How the default scorer is made: drives, facts, captions, the two frozen towers and the small head over them."""
