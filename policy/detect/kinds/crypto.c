/*
 * Addresses and keys of crypto-currencies: Base58Check (Bitcoin, and those after it), Bech32 and Bech32m (BIP 173, BIP 350), Ethereum
 * (EIP-55), Stellar (SEP-23), Monero by its shape, others by label. Private keys among them (WIF, xprv, Stellar's seeds) are secrets.
 *
 * "0x" and forty hexadecimal digits of one case are taken for an Ethereum address: hashes of that length are written without
 * "0x". In mixed case the checksum decides.
 */
#include "policy/detect/kinds/crypto.h"

#include <sodium.h>
#include <string.h>

#define BASE58_LIMIT 112 /* characters: an extended key has 111 */
#define BYTES_LIMIT  86	 /* what those may be: 82 and the room that decoding takes */

/* ---- Base58Check ------------------------------------------------------------------------------------ */

static const char bitcoin_alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char ripple_alphabet[] = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/* The last @size bytes of the number that @word spells; false when it has more or a character is none of @alphabet. */
static bool decode_base58(const char *alphabet, const uint8_t *word, size_t length, uint8_t *out,
			  size_t size)
{
	memset(out, 0, size);
	for (size_t i = 0; i < length; i++) {
		const char *at = memchr(alphabet, word[i], 58);
		unsigned carry;

		if (!at)
			return false;
		carry = (unsigned)(at - alphabet);
		for (size_t k = size; k > 0; k--) {
			carry += 58u * out[k - 1];
			out[k - 1] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	return true;
}

/* The last four bytes: the first of SHA-256 of SHA-256 of the others. */
static bool has_checksum(const uint8_t *bytes, size_t size)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes, size - 4);
	crypto_hash_sha256(hash, hash, sizeof(hash));
	return memcmp(hash, bytes + size - 4, 4) == 0;
}

/* What begins with these bytes, and is so long with its checksum, is an address or a key of somebody. */
static const struct base58_kind {
	const char *name;
	uint8_t first[3], prefix; /* bytes of the version, and how many */
	uint8_t size;
	uint8_t least, most; /* characters */
	char letters[4];     /* what the first of them may be; "": whatever */
	bool is_key;
} base58_kinds[] = {
	{"Bitcoin", {0x00}, 1, 25, 25, 34, "1", false},
	{"Bitcoin P2SH", {0x05}, 1, 25, 34, 35, "3", false},
	{"Bitcoin testnet", {0x6f}, 1, 25, 33, 35, "mn", false},
	{"Bitcoin testnet P2SH", {0xc4}, 1, 25, 35, 35, "2", false},
	{"Litecoin", {0x30}, 1, 25, 33, 34, "L", false},
	{"Litecoin P2SH", {0x32}, 1, 25, 34, 34, "M", false},
	{"Dogecoin", {0x1e}, 1, 25, 33, 34, "D", false},
	{"Dogecoin P2SH", {0x16}, 1, 25, 33, 34, "9A", false},
	{"Dash", {0x4c}, 1, 25, 33, 34, "X", false},
	{"Dash P2SH", {0x10}, 1, 25, 33, 34, "7", false},
	{"Tron", {0x41}, 1, 25, 34, 34, "T", false},
	{"Zcash", {0x1c, 0xb8}, 2, 26, 35, 35, "t", false},
	{"Zcash P2SH", {0x1c, 0xbd}, 2, 26, 35, 35, "t", false},
	{"Tezos tz1", {0x06, 0xa1, 0x9f}, 3, 27, 36, 36, "t", false},
	{"Tezos tz2", {0x06, 0xa1, 0xa1}, 3, 27, 36, 36, "t", false},
	{"Tezos tz3", {0x06, 0xa1, 0xa4}, 3, 27, 36, 36, "t", false},
	{"xpub", {0x04, 0x88, 0xb2}, 3, 82, 111, 112, "x", false},
	{"ypub", {0x04, 0x9d, 0x7c}, 3, 82, 111, 112, "y", false},
	{"zpub", {0x04, 0xb2, 0x47}, 3, 82, 111, 112, "z", false},
	{"xprv", {0x04, 0x88, 0xad}, 3, 82, 111, 112, "x", true},
	{"yprv", {0x04, 0x9d, 0x78}, 3, 82, 111, 112, "y", true},
	{"zprv", {0x04, 0xb2, 0x43}, 3, 82, 111, 112, "z", true},
	{"WIF", {0x80}, 1, 37, 51, 51, "5", true},
	{"WIF compressed", {0x80}, 1, 38, 52, 52, "KL", true},
	{"WIF testnet", {0xef}, 1, 37, 51, 51, "9", true},
	{"WIF testnet compressed", {0xef}, 1, 38, 52, 52, "c", true},
};

static bool is_ripple(const uint8_t *word, size_t length)
{
	uint8_t bytes[25];

	return word[0] == 'r' && length >= 25 && length <= 35 &&
	       decode_base58(ripple_alphabet, word, length, bytes, sizeof(bytes)) &&
	       bytes[0] == 0 && has_checksum(bytes, sizeof(bytes));
}

static const struct base58_kind *find_base58(const uint8_t *word, size_t length)
{
	for (size_t i = 0; i < BL_COUNT(base58_kinds); i++) {
		const struct base58_kind *kind = &base58_kinds[i];
		uint8_t bytes[BYTES_LIMIT];

		if (length >= kind->least && length <= kind->most &&
		    strchr(kind->letters, word[0]) &&
		    decode_base58(bitcoin_alphabet, word, length, bytes, kind->size) &&
		    memcmp(bytes, kind->first, kind->prefix) == 0 &&
		    has_checksum(bytes, kind->size))
			return kind;
	}
	return NULL;
}

/* ---- Bech32 --------------------------------------------------------------------------------------- */

#define BECH32	1u
#define BECH32M UINT32_C(0x2bc830a3)

static uint32_t polymod(uint32_t sum, unsigned value)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					     0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

/* Does the checksum fit of @word, whose human-readable part has @prefix characters? */
static bool is_bech32(const uint8_t *word, size_t length, size_t prefix)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	uint32_t sum = 1;
	bool has_upper = false, has_lower = false;

	for (size_t i = 0; i < length; i++) {
		has_upper |= word[i] >= 'A' && word[i] <= 'Z';
		has_lower |= word[i] >= 'a' && word[i] <= 'z';
	}
	if (has_upper && has_lower)
		return false;
	for (size_t i = 0; i < prefix; i++)
		sum = polymod(sum, text_lower(word[i]) >> 5);
	sum = polymod(sum, 0);
	for (size_t i = 0; i < prefix; i++)
		sum = polymod(sum, text_lower(word[i]) & 31);
	for (size_t i = prefix + 1; i < length; i++) {
		const char *at = memchr(alphabet, text_lower(word[i]), 32);

		if (!at)
			return false;
		sum = polymod(sum, (unsigned)(at - alphabet));
	}
	return sum == BECH32 || sum == BECH32M;
}

/* SLIP-173: who uses which human-readable part; "age" is a public key, "age-secret-key-" is not (secret.c) */
static const char *const bech32_prefixes[] = {
	"bc",	    "tb",	  "bcrt",   "ltc",  "tltc",   "addr",  "addr_test",
	"stake",    "stake_test", "cosmos", "osmo", "juno",   "terra", "inj",
	"celestia", "thor",	  "bnb",    "kava", "secret", "akash", "axelar",
	"band",	    "zs",	  "u",	    "dgb",  "vtc",    "grs",   "npub",
	"erd",	    "one",	  "sei",    "dydx", "noble",  "stars", "evmos",
};

static bool has_prefix(const uint8_t *word, const char *prefix, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text_lower(word[i]) != (uint8_t)prefix[i])
			return false;
	return word[length] == '1';
}

static bool is_bech32_address(const uint8_t *word, size_t length)
{
	for (size_t i = 0; i < BL_COUNT(bech32_prefixes); i++) {
		size_t prefix = strlen(bech32_prefixes[i]);

		if (length >= prefix + 1 + 6 + 20 && has_prefix(word, bech32_prefixes[i], prefix) &&
		    is_bech32(word, length, prefix))
			return true;
	}
	return false;
}

/* ---- Ethereum ------------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t value, unsigned count)
{
	return count ? value << count | value >> (64 - count) : value;
}

/* Keccak-f[1600] (FIPS 202, 3.3): lanes at x + 5 * y. */
static void keccak(uint64_t lanes[25])
{
	static const uint64_t constants[24] = {
		UINT64_C(0x0000000000000001), UINT64_C(0x0000000000008082),
		UINT64_C(0x800000000000808a), UINT64_C(0x8000000080008000),
		UINT64_C(0x000000000000808b), UINT64_C(0x0000000080000001),
		UINT64_C(0x8000000080008081), UINT64_C(0x8000000000008009),
		UINT64_C(0x000000000000008a), UINT64_C(0x0000000000000088),
		UINT64_C(0x0000000080008009), UINT64_C(0x000000008000000a),
		UINT64_C(0x000000008000808b), UINT64_C(0x800000000000008b),
		UINT64_C(0x8000000000008089), UINT64_C(0x8000000000008003),
		UINT64_C(0x8000000000008002), UINT64_C(0x8000000000000080),
		UINT64_C(0x000000000000800a), UINT64_C(0x800000008000000a),
		UINT64_C(0x8000000080008081), UINT64_C(0x8000000000008080),
		UINT64_C(0x0000000080000001), UINT64_C(0x8000000080008008),
	};
	/* FIPS 202, table 2, modulo 64 */
	static const uint8_t turns[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
					  25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

	for (unsigned round = 0; round < 24; round++) {
		uint64_t column[5], moved[25];

		for (unsigned x = 0; x < 5; x++)
			column[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^
				    lanes[x + 20];
		for (unsigned x = 0; x < 5; x++)
			for (unsigned y = 0; y < 5; y++)
				moved[y + 5 * ((2 * x + 3 * y) % 5)] =
					rotate(lanes[x + 5 * y] ^ column[(x + 4) % 5] ^
						       rotate(column[(x + 1) % 5], 1),
					       turns[x + 5 * y]);
		for (unsigned y = 0; y < 25; y += 5)
			for (unsigned x = 0; x < 5; x++)
				lanes[x + y] = moved[x + y] ^
					       (~moved[(x + 1) % 5 + y] & moved[(x + 2) % 5 + y]);
		lanes[0] ^= constants[round];
	}
}

/* EIP-55: a letter is upper case where the Keccak-256 of the lower-case digits has 8 and more in its place. */
static bool is_eip55(const uint8_t digits[40])
{
	uint64_t lanes[25] = {0};
	bool fits = true;

	for (unsigned i = 0; i < 40; i++)
		lanes[i / 8] |= (uint64_t)text_lower(digits[i]) << (i % 8 * 8);
	lanes[5] ^= 1; /* the padding of Keccak as it was before FIPS 202: 136 bytes at a time */
	lanes[16] ^= UINT64_C(1) << 63;
	keccak(lanes);
	for (unsigned i = 0; i < 40; i++) {
		unsigned byte = (unsigned)(lanes[i / 16] >> (i / 2 % 8 * 8)) & 0xff;
		bool is_upper = (i % 2 ? byte & 15 : byte >> 4) >= 8;

		if (text_is_letter(digits[i]))
			fits = fits && is_upper == (digits[i] <= 'Z');
	}
	return fits;
}

static bool is_ethereum(const uint8_t *word, size_t length)
{
	bool has_upper = false, has_lower = false, has_digit = false;

	if (length != 42 || word[0] != '0' || (word[1] | 0x20) != 'x')
		return false;
	for (size_t i = 2; i < 42; i++) {
		has_digit |= text_is_digit(word[i]) && word[i] != '0';
		has_upper |= word[i] >= 'A' && word[i] <= 'F';
		has_lower |= word[i] >= 'a' && word[i] <= 'f';
		if (!text_is_digit(word[i]) && (uint8_t)((word[i] | 0x20) - 'a') >= 6)
			return false;
	}
	if (has_upper && has_lower)
		return is_eip55(word + 2);
	return has_digit || has_upper || has_lower; /* zero is nobody's */
}

/* ---- Stellar, Monero ------------------------------------------------------------------------------ */

/* SEP-23: 35 bytes in base32 (RFC 4648), the last two a CRC-16 of those before (polynomial 0x1021), the lower byte first. */
static bool is_stellar(const uint8_t *word, size_t length)
{
	uint8_t bytes[35];
	uint32_t bits = 0, crc = 0;
	unsigned held = 0, count = 0;

	if (length != 56)
		return false;
	for (size_t i = 0; i < 56; i++) {
		unsigned value;

		if (word[i] >= 'A' && word[i] <= 'Z')
			value = word[i] - 'A';
		else if (word[i] >= '2' && word[i] <= '7')
			value = word[i] - '2' + 26u;
		else
			return false;
		bits = bits << 5 | value;
		held += 5;
		if (held >= 8) {
			held -= 8;
			bytes[count++] = (uint8_t)(bits >> held);
		}
	}
	for (unsigned i = 0; i < 33; i++) {
		crc ^= (uint32_t)bytes[i] << 8;
		for (unsigned k = 0; k < 8; k++)
			crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
	}
	return crc == (uint32_t)(bytes[33] | bytes[34] << 8);
}

static bool is_base58(const uint8_t *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!memchr(bitcoin_alphabet, word[i], 58))
			return false;
	return true;
}

/* Monero: eleven characters for each eight bytes; network 18 gives a 4, 42 an 8. With a payment number 106. */
static bool is_monero(const uint8_t *word, size_t length)
{
	return (length == 95 || length == 106) && (word[0] == '4' || word[0] == '8') &&
	       memchr("123456789AB", word[1], 11) && is_base58(word, length);
}

/* ---- words -------------------------------------------------------------------------------------------- */

static bool is_address(const uint8_t *word, size_t length)
{
	switch (word[0] | 0x20) {
	case '0':
		return is_ethereum(word, length);
	case 'r':
		return is_ripple(word, length);
	case 'g':
		return is_stellar(word, length);
	default:
		return is_monero(word, length);
	}
}

void crypto_word(const struct text *text, size_t start, size_t end, struct sink *sink)
{
	const uint8_t *word = text->bytes + start;
	size_t length = end - start;
	const struct base58_kind *kind = NULL;
	bool is_known;

	if (length < 25 || length > 128 || !text_starts_word(text, start) ||
	    !text_ends_word(text, end))
		return;
	if (word[0] == 'S' && is_stellar(word, length)) {
		sink_add(sink, start, end, CLASS_SECRET, true);
		return;
	}
	is_known = is_address(word, length) || is_bech32_address(word, length);
	if (!is_known && length <= BASE58_LIMIT)
		kind = find_base58(word, length);
	if (is_known || kind)
		sink_add(sink, start, end,
			 kind && kind->is_key ? CLASS_SECRET : CLASS_CRYPTO_ADDRESS, true);
}

/* ---- by label ----------------------------------------------------------------------------------------- */

static size_t word_end(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at <= 128 &&
	       (text_is_alnum(text->bytes[end]) || text->bytes[end] == '_'))
		end++;
	return end;
}

/* An address whose check is unknown here, or wrong: base58 or hexadecimal, with upper and lower case or "0x". */
static size_t match_address(const struct text *text, size_t at)
{
	size_t end = word_end(text, at), length = end - at;
	const uint8_t *word = text->bytes + at;
	unsigned digits = 0, upper = 0, lower = 0;

	if (length < 25 || length > 128 || !text_starts_word(text, at))
		return at;
	for (size_t i = 0; i < length; i++) {
		digits += text_is_digit(word[i]);
		upper += word[i] >= 'A' && word[i] <= 'Z';
		lower += word[i] >= 'a' && word[i] <= 'z';
	}
	if (digits < 2)
		return at;
	if (is_base58(word, length))
		return upper >= 2 && lower >= 2 ? end : at;
	if (length >= 42 && word[0] == '0' && (word[1] | 0x20) == 'x' &&
	    (length == 42 || length == 66))
		return end;
	/* Bech32 and CashAddr of one case; base32 in capitals */
	return (lower == 0 || upper == 0) && length >= 38 && digits + upper + lower == length ? end
											      : at;
}

static const struct kind rows[] = {
	{.id = "crypto-address",
	 .standard = "BIP 13, BIP 173, EIP-55, SLIP-173",
	 .class = CLASS_CRYPTO_ADDRESS,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,127}d",
	 .match = match_address,
	 .labels =
		 "wallet|wallet address|wallet id|wallet-adresse|wallet adresse|bitcoin|bitcoin "
		 "address|bitcoin-adresse|btc|btc address|bitcoincash|bitcoin cash|bch|ethereum|"
		 "ethereum address|eth|eth address|ether|litecoin|ltc|dogecoin|doge|dash|monero|"
		 "xmr|ripple|xrp|tron|trx|usdt|usdc|tether|solana|sol|cardano|ada|polkadot|dot|"
		 "stellar|xlm|algorand|algo|tezos|xtz|cosmos|atom|avalanche|avax|near|ton|zcash|"
		 "zec|bnb|binance|polygon|matic|crypto|crypto address|crypto wallet|kryptoadresse|"
		 "krypto-adresse|deposit address|payout address|withdrawal address|receiving "
		 "address|donate|donations|cold wallet|hot wallet|ledger|trezor|metamask|"
		 "portefeuille|adresse bitcoin|adresse ethereum|cartera|monedero|billetera|"
		 "dirección bitcoin|dirección de bitcoin|portafoglio|indirizzo bitcoin|carteira|"
		 "endereço bitcoin|portemonnee|portfel|adres bitcoin"},
};
const struct kind_table kinds_crypto = {rows, BL_COUNT(rows)};
