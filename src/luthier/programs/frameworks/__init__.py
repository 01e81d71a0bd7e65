"""What trains by itself in a framework, as a function of a trial. A framework is imported where it trains."""
