"""Ready-made studies: from a joined study to results and frozen signatures."""
