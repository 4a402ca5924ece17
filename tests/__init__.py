"""The tests: unit (decisions and bytes), e2e (the installed command), docs (is it true)."""
