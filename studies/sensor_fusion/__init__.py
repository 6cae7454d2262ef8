"""Which gate keeps an unreliable sensor away from the estimate."""
