"""`unihm bench perception`: clicks, planning, segmentation and completion, by figure."""
