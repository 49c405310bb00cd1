"""Makes files.json with Tink itself, or opens with it what the package has encrypted.

    pip install tink
    python files.py make > files.json
    python files.py open KEY ID < ciphertext > plaintext

Tink chooses the header of each ciphertext, so the vectors are others each time: those that are recorded stay.
A plaintext is the first bytes of SHAKE256 of "vouchsafe file", then zeros; KEY is in base64url.
"""

import base64
import hashlib
import io
import json
import sys

import tink
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

SEGMENT = 1 << 20
FIRST, LATER = SEGMENT - 40 - 16, SEGMENT - 16
ID = "01a21940-b200-7663-a61f-bed80879e405"
KEY = bytes(range(100, 132))

# The size of the file, and that to which it is filled up.
SIZES = [
    (0, 4096),
    (11, 4096),
    (4096, 4096),
    (4097, 4352),
    (FIRST - 1, FIRST - 1),
    (FIRST, FIRST),
    (FIRST, FIRST + 1),
    (FIRST + LATER, FIRST + LATER),
    (1_100_000, FIRST + LATER + 1),
    (2_600_000, 2_621_440),
]


def primitive(key):
    """The streaming AEAD AES256_GCM_HKDF_1MB with this key."""
    value = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(
        key_value=key,
        params=aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
            ciphertext_segment_size=SEGMENT, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
        ),
    )
    template = streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB
    parsed = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKeyFormat.FromString(template.value)
    assert (parsed.params, template.output_prefix_type) == (value.params, tink_pb2.RAW)
    keyset = tink_pb2.Keyset(primary_key_id=1)
    keyset.key.add(
        key_data=tink_pb2.KeyData(
            type_url=template.type_url,
            value=value.SerializeToString(),
            key_material_type=tink_pb2.KeyData.SYMMETRIC,
        ),
        status=tink_pb2.ENABLED,
        key_id=1,
        output_prefix_type=tink_pb2.RAW,
    )
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def encrypted(size, filled):
    """One vector."""
    plaintext = hashlib.shake_256(b"vouchsafe file").digest(size).ljust(filled, b"\0")
    target = io.BytesIO()
    target.close = lambda: None
    with primitive(KEY).new_encrypting_stream(target, f"vouchsafe/1 file {ID}".encode()) as stream:
        stream.write(plaintext)
    ciphertext = target.getvalue()
    segments = [ciphertext[at : at + SEGMENT] for at in range(0, len(ciphertext), SEGMENT)]
    digests = [hashlib.sha256(segment).digest() for segment in segments]
    vector = {
        "size": size,
        "filled": filled,
        "header": text(ciphertext[:40]),
        "length": len(ciphertext),
        "segments": [text(digest) for digest in digests],
        "digest": text(hashlib.sha256(b"".join(digests)).digest()),
    }
    if len(ciphertext) < 4500:
        vector["ciphertext"] = text(ciphertext)
    return vector


def main():
    streaming_aead.register()
    if sys.argv[1] == "make":
        vectors = [encrypted(size, filled) for size, filled in SIZES]
        print(json.dumps({"id": ID, "key": text(KEY), "vectors": vectors}, indent=2))
        return
    key, name = sys.argv[2:]
    key = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    with primitive(key).new_decrypting_stream(sys.stdin.buffer, f"vouchsafe/1 file {name}".encode()) as stream:
        sys.stdout.buffer.write(stream.read())


main()
