"""Where on the face mesh each muscle lies: the one home of these polygons.

Points are numbered as in MediaPipe's face mesh. Every polygon is written down once, for the
person's own right side (the left of the picture), and mirrored; one that ends in points of the
middle meets its mirror image there. Muscles that lie deep, or beyond the mesh, are drawn where
their pull is seen: the platysma along the jaw, the digastric below the chin.

P. Ekman, W. V. Friesen, J. C. Hager. "Facial Action Coding System." 2002: which muscle moves.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Polygon = tuple[int, ...]


def _points(text: str) -> Polygon:
    return tuple(map(int, text.split()))


MUSCLES: Final[Mapping[str, tuple[Polygon, ...]]] = MappingProxyType(
    {
        "frontalis, medial part": (_points("10 109 69 66 107 9"),),
        "frontalis, lateral part": (_points("67 103 54 68 70 63 105 69"),),
        "corrugator supercilii and procerus": (_points("9 107 66 105 52 65 55 193 168"),),
        "levator palpebrae superioris": (
            _points("33 246 161 160 159 158 157 173 133 190 221 222 223 224 225 113"),
        ),
        "orbicularis oculi, orbital part": (
            _points("113 226 31 228 229 230 231 120 119 118 117 111 143 124"),
        ),
        "orbicularis oculi, lower palpebral part": (
            _points("33 7 163 144 145 153 154 155 133 243 233 232 231 230 229 228 31 226"),
        ),
        "orbicularis oculi, upper palpebral part": (
            _points("33 246 161 160 159 158 157 173 133 190 56 28 27 29 30 247"),
        ),
        "levator labii superioris alaeque nasi": (
            _points("193 122 196 236 131 49 142 100 47 128 245"),
        ),
        "levator labii superioris": (_points("101 119 120 100 142 129 165 92 206 36"),),
        "zygomaticus minor": (_points("118 101 36 206 92 186 216 205 50"),),
        "zygomaticus major": (_points("116 117 50 205 216 186 61 57 212 207 187 123"),),
        "levator anguli oris": (_points("36 203 92 185 61 57 216 205"),),
        "buccinator": (_points("61 186 216 207 187 192 214 202 43"),),
        "depressor anguli oris": (_points("61 57 212 210 169 170 211 204 43 146"),),
        "depressor labii inferioris": (_points("91 181 84 83 201 208 32 211 204 43"),),
        "mentalis": (_points("18 83 194 32 140 171 175"),),
        "incisivii": (
            _points("164 167 165 92 40 39 37 0"),
            _points("17 84 181 91 106 182 83 18"),
        ),
        "risorius": (_points("61 216 207 213 215 138 214 202 43"),),
        "platysma": (_points("58 172 136 150 149 176 148 152 175 171 140 170 169 135 138"),),
        "orbicularis oris": (
            _points("164 167 165 92 186 57 61 78 191 80 81 82 13"),
            _points("18 83 182 106 43 57 61 78 95 88 178 87 14"),
        ),
        "lips": (
            _points("0 37 39 40 185 61 78 191 80 81 82 13"),
            _points("17 84 181 91 146 61 78 95 88 178 87 14"),
        ),
        "masseter": (_points("137 123 187 192 138 172 58 132 93"),),
        "lateral pterygoid": (_points("234 227 116 123 147 177 132 93"),),
        "digastric": (_points("175 171 140 149 176 148 152"),),
        "nasalis, alar part": (_points("49 131 220 79 59 235 64 129"),),
        "nasalis, transverse part": (_points("197 196 217 126 209 131 134 51 5"),),
    }
)
"""Each muscle's polygons on the person's right side."""

UNIT_MUSCLE: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "frontalis, medial part",
        2: "frontalis, lateral part",
        4: "corrugator supercilii and procerus",
        5: "levator palpebrae superioris",
        6: "orbicularis oculi, orbital part",
        7: "orbicularis oculi, lower palpebral part",
        9: "levator labii superioris alaeque nasi",
        10: "levator labii superioris",
        11: "zygomaticus minor",
        12: "zygomaticus major",
        13: "levator anguli oris",
        14: "buccinator",
        15: "depressor anguli oris",
        16: "depressor labii inferioris",
        17: "mentalis",
        18: "incisivii",
        20: "risorius",
        21: "platysma",
        23: "orbicularis oris",
        24: "orbicularis oris",
        25: "lips",
        26: "masseter",
        27: "digastric",
        28: "orbicularis oris",
        29: "lateral pterygoid",
        31: "masseter",
        34: "buccinator",
        38: "nasalis, alar part",
        39: "nasalis, transverse part",
        43: "orbicularis oculi, upper palpebral part",
    }
)
"""The muscle that is drawn for each unit, by the unit's number."""

# Points of the right side and their partners on the left; those in the middle have none.
_PAIRS: Final = """
7:249 27:257 28:258 29:259 30:260 31:261 32:262 33:263 36:266 37:267 39:269 40:270 43:273
47:277 49:279 50:280 51:281 52:282 54:284 55:285 56:286 57:287 58:288 59:289 61:291 63:293
64:294 65:295 66:296 67:297 68:298 69:299 70:300 78:308 79:309 80:310 81:311 82:312 83:313
84:314 87:317 88:318 91:321 92:322 93:323 95:324 100:329 101:330 103:332 105:334 106:335
107:336 109:338 111:340 113:342 116:345 117:346 118:347 119:348 120:349 122:351 123:352
124:353 126:355 128:357 129:358 131:360 132:361 133:362 134:363 135:364 136:365 137:366
138:367 140:369 142:371 143:372 144:373 145:374 146:375 147:376 148:377 149:378 150:379
153:380 154:381 155:382 157:384 158:385 159:386 160:387 161:388 163:390 165:391 167:393
169:394 170:395 171:396 172:397 173:398 176:400 177:401 178:402 181:405 182:406 185:409
186:410 187:411 190:414 191:415 192:416 193:417 194:418 196:419 201:421 202:422 203:423
204:424 205:425 206:426 207:427 208:428 209:429 210:430 211:431 212:432 213:433 214:434
215:435 216:436 217:437 220:440 221:441 222:442 223:443 224:444 225:445 226:446 227:447
228:448 229:449 230:450 231:451 232:452 233:453 234:454 235:455 236:456 243:463 245:465
246:466 247:467
"""

_MIRRORED: Final = {
    int(right): int(left) for right, left in (pair.split(":") for pair in _PAIRS.split())
}


def mirrored(polygon: Polygon) -> Polygon:
    """The same polygon on the person's left side; points of the middle stay."""
    return tuple(_MIRRORED.get(point, point) for point in polygon)
