"""Programs that know nothing of gatewise: torch's own recurrent operators on gatewise's engine."""

from gatewise.programs.patching import patch, unpatch

__all__ = ["patch", "unpatch"]
