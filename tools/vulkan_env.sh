# Sourced with the folder of the private lavapipe (see tools/setup.sh): makes it the Vulkan driver.
export VK_DRIVER_FILES="$1/icd.json" VK_ICD_FILENAMES="$1/icd.json"
_unihm_vulkan_lib=$(dirname "$(sed 's/.*"library_path": "\([^"]*\)".*/\1/' "$1/icd.json")")
export LD_LIBRARY_PATH="$_unihm_vulkan_lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
unset _unihm_vulkan_lib
