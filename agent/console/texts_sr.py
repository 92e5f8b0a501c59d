"""Konzola na srpskom: the console in Serbian, Latin script."""

TEXTS = {
    "help": (
        "status    stanje uređaja\n"
        "levels    nivoi signala, svaki ispravan ili ne\n"
        "events    šta se poslednje desilo\n"
        "test      uređaj proverava sebe\n"
        "language  %s\n"
        "help      ove reči\n"
        "Za sve ostalo koristi firmware-tools."
    ),
    "language": "Jezik: %s. Postoje: %s.",
    "unknown": "Nepoznata reč. Ukucaj help.",
    "closed": "Ovaj uređaj je u upotrebi. Prvo ga otvori kodom sa servera flote.",
    "nothing": "nema šta da se prikaže",
    "pass": "ispravno",
    "fail": "NEISPRAVNO",
    "waiting": "još nije isporučeno",
    "delivered": "",
    "endpoint_id": "Uređaj",
    "state": "Stanje",
    "blank": "prazan, nije u upotrebi",
    "keyed": "ima ključ, čeka sertifikat",
    "provisioned": "u upotrebi",
    "link": "Veza",
    "down": "nema",
    "connecting": "povezuje se",
    "online": "na vezi",
    "since_s": "od pre, sekundi",
    "error": "Poslednja greška",
    "journal_pending": "Događaji koji nisu isporučeni",
    "clock": "Sat",
    "supply_v": "Napajanje, V",
    "cable_status": "Kabl",
    "downstream": "Prijem",
    "downstream_power_dbmv": "dBmV",
    "downstream_snr_db": "dB SNR",
    "upstream": "Predaja",
    "upstream_power_dbmv": "dBmV",
    "storage": "Memorija za čuvanje",
    "memory": "Radna memorija",
    "Boot!": "pokrenuo se",
    "PowerLoss!": "nestalo struje",
    "PowerRestored!": "vratila se struja",
    "Dip!": "propad napajanja",
    "Swell!": "previsoko napajanje",
    "Transient!": "prenapon",
}
