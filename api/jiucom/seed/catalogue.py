"""The 28 parts that the seeds draw on, in the order of their ids in `demo`.

Values of `specs` that the client prints with a unit of its own (W, GB) are plain numbers; all others carry their unit.
"""

from typing import Any

from jiucom.seed.model import Part


def _cpu(
    cores: int, threads: int, base: str, boost: str, tdp: int, socket: str, cache: str, process: str
) -> dict[str, Any]:
    return {
        "cores": cores,
        "threads": threads,
        "baseClock": base,
        "boostClock": boost,
        "tdp": tdp,
        "socket": socket,
        "cache": cache,
        "process": process,
    }


def _gpu(memory: int, kind: str, clock: str, tdp: int, lanes: str, length: str, **shaders: int) -> dict[str, Any]:
    return {
        "vram": f"{memory}GB {kind}",
        "memory": memory,
        "memoryType": kind,
        "coreClock": clock,
        "tdp": tdp,
        "interface": f"PCIe 4.0 {lanes}",
        "length": length,
        **shaders,
    }


def _board(socket: str, chipset: str, form: str, memory: str, m2_slots: int, wifi: str) -> dict[str, Any]:
    return {
        "socket": socket,
        "chipset": chipset,
        "formFactor": form,
        "memoryType": memory,
        "memorySlots": 4,
        "maxMemory": "128GB",
        "m2Slots": m2_slots,
        "wifi": wifi,
    }


def _ram(capacity: int, modules: str, speed: int, latency: str, voltage: str, *, rgb: bool = False) -> dict[str, Any]:
    specs: dict[str, Any] = {
        "capacity": capacity,
        "modules": modules,
        "type": "DDR5",
        "speed": speed,
        "latency": latency,
        "voltage": voltage,
    }
    return specs | ({"rgb": True} if rgb else {})


def _ssd(capacity: str, read: str, write: str, nand: str) -> dict[str, Any]:
    return {
        "capacity": capacity,
        "interface": "PCIe 4.0 x4 NVMe",
        "readSpeed": read,
        "writeSpeed": write,
        "formFactor": "M.2 2280",
        "nand": nand,
    }


def _psu(wattage: int, efficiency: str, modular: str, fan: str, warranty: str) -> dict[str, Any]:
    return {"wattage": wattage, "efficiency": efficiency, "modular": modular, "fan": fan, "warranty": warranty}


def _case(dimensions: str, fans: str, radiator: str, weight: str, color: str, gpu: str, cooler: str) -> dict[str, Any]:
    return {
        "formFactor": "ATX Mid Tower",
        "dimensions": dimensions,
        "fans": fans,
        "radiator": f"최대 {radiator}",
        "maxGpuLength": f"최대 {gpu}",
        "maxCoolerHeight": f"최대 {cooler}",
        "weight": weight,
        "color": color,
    }


PARTS = (
    Part(
        "AMD Ryzen 7 7800X3D",
        "CPU",
        "AMD",
        "7800X3D",
        (449_000, 520_000),
        _cpu(8, 16, "4.2GHz", "5.0GHz", 120, "AM5", "96MB (L3)", "5nm"),
    ),
    Part(
        "AMD Ryzen 9 7950X3D",
        "CPU",
        "AMD",
        "7950X3D",
        (689_000, 790_000),
        _cpu(16, 32, "4.2GHz", "5.7GHz", 120, "AM5", "128MB (L3)", "5nm"),
    ),
    Part(
        "Intel Core i7-14700K",
        "CPU",
        "Intel",
        "i7-14700K",
        (429_000, 499_000),
        _cpu(20, 28, "3.4GHz", "5.6GHz", 125, "LGA1700", "33MB (L3)", "Intel 7"),
    ),
    Part(
        "Intel Core i5-14600K",
        "CPU",
        "Intel",
        "i5-14600K",
        (299_000, 359_000),
        _cpu(14, 20, "3.5GHz", "5.3GHz", 125, "LGA1700", "24MB (L3)", "Intel 7"),
    ),
    Part(
        "AMD Ryzen 5 7600",
        "CPU",
        "AMD",
        "7600",
        (199_000, 249_000),
        _cpu(6, 12, "3.8GHz", "5.1GHz", 65, "AM5", "32MB (L3)", "5nm"),
    ),
    Part(
        "NVIDIA GeForce RTX 4090",
        "GPU",
        "NVIDIA",
        "RTX4090",
        (2_290_000, 2_790_000),
        _gpu(24, "GDDR6X", "2235MHz", 450, "x16", "336mm", cudaCores=16384),
    ),
    Part(
        "NVIDIA GeForce RTX 4070 Ti SUPER",
        "GPU",
        "NVIDIA",
        "RTX4070TiS",
        (1_190_000, 1_390_000),
        _gpu(16, "GDDR6X", "2340MHz", 285, "x16", "310mm", cudaCores=8448),
    ),
    Part(
        "NVIDIA GeForce RTX 4060 Ti 8GB",
        "GPU",
        "NVIDIA",
        "RTX4060Ti",
        (489_000, 569_000),
        _gpu(8, "GDDR6", "2310MHz", 160, "x8", "244mm", cudaCores=4352),
    ),
    Part(
        "AMD Radeon RX 7900 XTX",
        "GPU",
        "AMD",
        "RX7900XTX",
        (1_290_000, 1_490_000),
        _gpu(24, "GDDR6", "2300MHz", 355, "x16", "287mm", streamProcessors=6144),
    ),
    Part(
        "NVIDIA GeForce RTX 4060",
        "GPU",
        "NVIDIA",
        "RTX4060",
        (369_000, 429_000),
        _gpu(8, "GDDR6", "1830MHz", 115, "x8", "240mm", cudaCores=3072),
    ),
    Part(
        "ASUS ROG STRIX B650E-F GAMING WIFI",
        "MOTHERBOARD",
        "ASUS",
        "B650E-F",
        (289_000, 339_000),
        _board("AM5", "B650E", "ATX", "DDR5", 3, "WiFi 6E"),
    ),
    Part(
        "MSI MAG B760 TOMAHAWK WIFI",
        "MOTHERBOARD",
        "MSI",
        "B760-TOMAHAWK",
        (219_000, 259_000),
        _board("LGA1700", "B760", "ATX", "DDR5", 3, "WiFi 6E"),
    ),
    Part(
        "GIGABYTE B650 AORUS ELITE AX",
        "MOTHERBOARD",
        "GIGABYTE",
        "B650-AORUS",
        (239_000, 279_000),
        _board("AM5", "B650", "ATX", "DDR5", 3, "WiFi 6E"),
    ),
    Part(
        "ASRock B760M Pro RS/D4",
        "MOTHERBOARD",
        "ASRock",
        "B760M-Pro",
        (129_000, 159_000),
        _board("LGA1700", "B760", "Micro-ATX", "DDR4", 2, "없음"),
    ),
    Part(
        "Samsung DDR5 32GB (16GBx2) 5600MHz",
        "RAM",
        "Samsung",
        "DDR5-5600-32",
        (139_000, 169_000),
        _ram(32, "16GBx2", 5600, "CL46", "1.1V"),
    ),
    Part(
        "G.SKILL Trident Z5 RGB DDR5 32GB (16GBx2) 6000MHz",
        "RAM",
        "G.SKILL",
        "TZ5-6000-32",
        (189_000, 229_000),
        _ram(32, "16GBx2", 6000, "CL36", "1.35V", rgb=True),
    ),
    Part(
        "Samsung DDR5 16GB (8GBx2) 4800MHz",
        "RAM",
        "Samsung",
        "DDR5-4800-16",
        (69_000, 89_000),
        _ram(16, "8GBx2", 4800, "CL40", "1.1V"),
    ),
    Part(
        "Samsung 990 PRO 2TB NVMe",
        "SSD",
        "Samsung",
        "990PRO-2TB",
        (219_000, 269_000),
        _ssd("2TB", "7450MB/s", "6900MB/s", "V-NAND TLC"),
    ),
    Part(
        "Samsung 990 PRO 1TB NVMe",
        "SSD",
        "Samsung",
        "990PRO-1TB",
        (129_000, 159_000),
        _ssd("1TB", "7450MB/s", "6900MB/s", "V-NAND TLC"),
    ),
    Part(
        "WD Black SN850X 1TB NVMe",
        "SSD",
        "Western Digital",
        "SN850X-1TB",
        (119_000, 149_000),
        _ssd("1TB", "7300MB/s", "6300MB/s", "3D NAND TLC"),
    ),
    Part(
        "Corsair RM850x 850W 80+ Gold",
        "POWER_SUPPLY",
        "Corsair",
        "RM850x",
        (159_000, 189_000),
        _psu(850, "80+ Gold", "Full Modular", "135mm", "10년"),
    ),
    Part(
        "Seasonic FOCUS GX-1000 1000W 80+ Gold",
        "POWER_SUPPLY",
        "Seasonic",
        "FOCUS-GX1000",
        (199_000, 239_000),
        _psu(1000, "80+ Gold", "Full Modular", "135mm", "10년"),
    ),
    Part(
        "마이크로닉스 Classic II 700W 80+ Bronze",
        "POWER_SUPPLY",
        "Micronics",
        "Classic2-700",
        (69_000, 85_000),
        _psu(700, "80+ Bronze", "Non-Modular", "120mm", "7년"),
    ),
    Part(
        "NZXT H7 Flow",
        "CASE",
        "NZXT",
        "H7-Flow",
        (149_000, 179_000),
        _case("480x230x505mm", "120mm x2", "360mm", "10.8kg", "블랙", "400mm", "185mm"),
    ),
    Part(
        "Fractal Design North",
        "CASE",
        "Fractal Design",
        "North",
        (179_000, 209_000),
        _case("447x215x469mm", "140mm x2", "360mm", "7.7kg", "차콜 블랙", "355mm", "170mm"),
    ),
    Part(
        "앱코 SUITMASTER H300 GLASS",
        "CASE",
        "ABKO",
        "H300",
        (59_000, 75_000),
        _case("435x210x480mm", "120mm x4", "240mm", "6.2kg", "블랙", "330mm", "165mm"),
    ),
    Part(
        "NZXT Kraken 360 RGB",
        "COOLER",
        "NZXT",
        "Kraken-360",
        (249_000, 299_000),
        {
            "type": "수랭 (AIO)",
            "radiator": "360mm",
            "fans": "120mm x3",
            "rpm": "500~1800RPM",
            "socket": "AM5/LGA1700",
            "noise": "30.6dBA",
        },
    ),
    Part(
        "DeepCool AK620",
        "COOLER",
        "DeepCool",
        "AK620",
        (59_000, 75_000),
        {
            "type": "공랭 (타워형)",
            "heatpipes": 6,
            "height": "160mm",
            "fans": "120mm x2",
            "socket": "AM5/LGA1700",
            "noise": "28dBA",
        },
    ),
)
