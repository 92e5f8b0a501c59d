"""What a made-up Linux machine is configured with."""

LINUX_CONFIG = {
    "manufacturer": "",
    "manufacturer_oui": "00256D",
    "product_class": "MODEM",
    "model_name": "Linux gateway",
    "serial_number": "00000001",
    "hardware_version": "1",
    "lab": False,
    "state": "",
    "console": "",
    "sysfs": "/nonexistent",
    "customer_interface": "",
    "filter_interfaces": "",
    "resolvers": "",
    "reboot_command": "",
    "card_reader": "",
    "time_servers": "",
    "voice_facts": "",
    "customer_settings": "",
    "box_state": "",
}


def write_tree(root, files):
    """Make `files` (path: text) below the folder `root`, as a machine's /proc and /sys."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
