"""Programs that know nothing of gatewise: torch's own recurrent operators on gatewise's engine.

Imports nothing: `gatewise run` starts from here, and is not to wait for torch.
"""
