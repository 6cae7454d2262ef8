"""Files that released versions wrote, and what they held: today's code must read the same from them."""
