"""What the additive cell lets through: the full Jacobian beside the product of the forget gates."""
