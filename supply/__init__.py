"""What we take from others: every version locked with its hashes, asked about, and listed.

audit.py   is anything of it known to be vulnerable
sbom.py    what a deployment installs, as a CycloneDX document
"""
