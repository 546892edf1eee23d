"""`python -m sim2real_ad` is `s2r`."""

from sim2real_ad.cli.main import main

if __name__ == "__main__":
    main()
