"""The ``unihm`` command. One file per subcommand; :mod:`unihm.cli.main` finds them."""
