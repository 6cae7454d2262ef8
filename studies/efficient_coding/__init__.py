"""Whether a price on writing makes a gate open at jumps, and as much as theory says."""
