"""`python -m convocore_mcp` is `convocore-mcp`."""

from convocore_mcp.cli.main import main

if __name__ == "__main__":
    main()
