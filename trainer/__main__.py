"""`python -m trainer` is `ferdesk-train`; torchrun starts it this way."""

from trainer.cli import main

if __name__ == "__main__":
    main()
