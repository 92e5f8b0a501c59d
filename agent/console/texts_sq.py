"""Konsola në shqip: the console in Albanian."""

TEXTS = {
    "help": (
        "status    gjendja e pajisjes\n"
        "levels    nivelet e sinjalit, secili në rregull ose jo\n"
        "events    çfarë ndodhi së fundi\n"
        "test      pajisja e kontrollon veten\n"
        "language  %s\n"
        "help      këto fjalë\n"
        "Për gjithçka tjetër përdor firmware-tools."
    ),
    "language": "Gjuha: %s. Ka: %s.",
    "unknown": "Fjalë e panjohur. Shkruaj help.",
    "closed": "Kjo pajisje është në shërbim. Hape më parë me kod nga serveri i flotës.",
    "nothing": "asgjë për të treguar",
    "pass": "në rregull",
    "fail": "JO NË RREGULL",
    "waiting": "ende e padërguar",
    "delivered": "",
    "endpoint_id": "Pajisja",
    "state": "Gjendja",
    "blank": "e zbrazët, jo në shërbim",
    "keyed": "ka çelës, pret certifikatën",
    "provisioned": "në shërbim",
    "link": "Lidhja",
    "down": "nuk ka",
    "connecting": "po lidhet",
    "online": "e lidhur",
    "since_s": "prej, sekonda",
    "error": "Gabimi i fundit",
    "journal_pending": "Ngjarje ende të padërguara",
    "clock": "Ora",
    "supply_v": "Ushqimi, V",
    "cable_status": "Kablloja",
    "downstream": "Marrja",
    "downstream_power_dbmv": "dBmV",
    "downstream_snr_db": "dB SNR",
    "upstream": "Dërgimi",
    "upstream_power_dbmv": "dBmV",
    "storage": "Ruajtja",
    "memory": "Memoria",
    "Boot!": "u ndez",
    "PowerLoss!": "iku rryma",
    "PowerRestored!": "erdhi rryma",
    "Dip!": "ushqimi ra",
    "Swell!": "ushqimi tepër i lartë",
    "Transient!": "mbitension",
}
