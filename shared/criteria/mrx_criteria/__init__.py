"""The scheme's common criteria: catalogues, answers, commonality, lineage, and the files and documents about them."""
