"""Two witnesses to a finding: align, words, classify, verdict. Pure, and no clock decides a result."""
