"""Meta-learning algorithms: from episodes to a meta-gradient."""
