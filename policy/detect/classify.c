/* The only loop that touches every byte: one bit per byte and question, so that
 * all else walks bits. */
#include "policy/detect/parts.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_AVX2_CODE 1
#else
#define HAS_AVX2_CODE 0
#endif

/* Two nibbles say what a byte is: the bits both tables agree on. */
enum {
	IS_SEPARATOR = 1,
	IS_DIGIT = 2,
	IS_HIGH = 4,
	IS_UPPER_ROW = 8,
	IS_LOWER_ROW = 16,
	IS_SIGN = 32,	/* + - / */
	IS_EQUALS = 64, /* = */
	IS_LINE = 128,	/* \\ _ */
	IS_WORD = IS_DIGIT | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_BASE64 = IS_WORD | IS_SIGN | IS_EQUALS | IS_LINE
};

#define DIGIT_LEFT 6

/* Space ( ) + - . / are 20 28 29 2b 2d 2e 2f; letters are 41-4f, 50-5a and the
 * same at 60, 70. */
static const uint8_t kind_low[16] = {
	IS_SEPARATOR | IS_DIGIT | IS_HIGH | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_SEPARATOR | IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_SEPARATOR | IS_DIGIT | IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_HIGH | IS_UPPER_ROW | IS_LOWER_ROW,
	IS_SEPARATOR | IS_HIGH | IS_UPPER_ROW | IS_SIGN,
	IS_HIGH | IS_UPPER_ROW | IS_LINE,
	IS_SEPARATOR | IS_HIGH | IS_UPPER_ROW | IS_SIGN | IS_EQUALS,
	IS_SEPARATOR | IS_HIGH | IS_UPPER_ROW,
	IS_SEPARATOR | IS_HIGH | IS_UPPER_ROW | IS_SIGN | IS_LINE,
};
static const uint8_t kind_high[16] = {
	0,
	0,
	IS_SEPARATOR | IS_SIGN,
	IS_DIGIT | IS_EQUALS,
	IS_UPPER_ROW,
	IS_LOWER_ROW | IS_LINE,
	IS_UPPER_ROW,
	IS_LOWER_ROW,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
	IS_HIGH,
};

static void classify_from(const uint8_t *bytes, size_t length, size_t from, struct anchors *out)
{
	for (size_t i = from; i < length; i++) {
		uint8_t kind = kind_low[bytes[i] & 15] & kind_high[bytes[i] >> 4];
		uint64_t bit = UINT64_C(1) << (i % 64);
		size_t word = i / 64;

		out->digit[word] |= kind & IS_DIGIT ? bit : 0;
		out->numeric[word] |= kind & (IS_DIGIT | IS_SEPARATOR | IS_HIGH) ? bit : 0;
		out->at[word] |= bytes[i] == '@' ? bit : 0;
		out->high[word] |= bytes[i] >= 0x80 ? bit : 0;
		out->zero[word] |= bytes[i] == 0 ? bit : 0;
		out->word[word] |= kind & IS_WORD ? bit : 0;
		out->upper[word] |= (uint8_t)(bytes[i] - 'A') < 26 ? bit : 0;
		out->base64[word] |= kind & IS_BASE64 ? bit : 0;
		out->colon[word] |= bytes[i] == ':' ? bit : 0;
		out->equal[word] |= bytes[i] == '=' ? bit : 0;
		out->dot[word] |= bytes[i] == '.' ? bit : 0;
		out->dash[word] |= bytes[i] == '-' ? bit : 0;
	}
}

static void clear_from(struct anchors *out, size_t word, size_t length)
{
	size_t end = BL_MIN((size_t)SCAN_WORDS, (length + 63) / 64 + SCAN_AHEAD);
	uint64_t *rows[] = {out->digit, out->numeric, out->at,	   out->high,
			    out->zero,	out->word,    out->base64, out->colon,
			    out->equal, out->dot,     out->dash,   out->upper};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		memset(rows[i] + word, 0, (end - word) * sizeof(uint64_t));
}

void classify_scalar(const uint8_t *bytes, size_t length, struct anchors *out)
{
	clear_from(out, 0, length);
	classify_from(bytes, length, 0, out);
}

size_t find_begin_scalar(const uint8_t *bytes, size_t length, size_t from)
{
	static const char begin[] = "-----BEGIN";

	for (size_t i = from; i + sizeof(begin) - 1 <= length; i++)
		if (bytes[i] == '-' && memcmp(bytes + i, begin, sizeof(begin) - 1) == 0)
			return i;
	return length;
}

#if HAS_AVX2_CODE
#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i lookup(__m256i low_table, __m256i high_table, __m256i bytes)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i low = _mm256_shuffle_epi8(low_table, _mm256_and_si256(bytes, nibble));
	__m256i high = _mm256_shuffle_epi8(high_table,
					   _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));

	return _mm256_and_si256(low, high);
}

AVX2 static inline __m256i load(const uint8_t *bytes)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

AVX2 static inline __m256i load_table(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* One bit per byte that has any bit of @mask. */
AVX2 static inline uint32_t bits_any(__m256i kinds, uint8_t mask)
{
	__m256i hit = _mm256_and_si256(kinds, _mm256_set1_epi8((char)mask));

	return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hit, _mm256_setzero_si256()));
}

/* The same for the one bit that is @left of the highest. */
#define BITS_ONE(kinds, left) ((uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(kinds, left)))

AVX2 static inline uint32_t bits_equal(__m256i bytes, uint8_t value)
{
	return (uint32_t)_mm256_movemask_epi8(
		_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8((char)value)));
}

AVX2 void classify_avx2(const uint8_t *bytes, size_t length, struct anchors *out)
{
	size_t blocks = length / 64; /* the last bytes are the scalar twin's */
	__m256i low = load_table(kind_low), high = load_table(kind_high);

	for (size_t i = 0; i < blocks; i++) {
		const uint8_t *block = bytes + i * 64;
		__m256i a = load(block), b = load(block + 32);
		__m256i ka = lookup(low, high, a), kb = lookup(low, high, b);

#define BOTH(f, ...) ((uint64_t)f(ka __VA_ARGS__) | (uint64_t)f(kb __VA_ARGS__) << 32)
#define EQUAL(byte)  ((uint64_t)bits_equal(a, byte) | (uint64_t)bits_equal(b, byte) << 32)
		out->digit[i] = BOTH(BITS_ONE, , DIGIT_LEFT);
		out->numeric[i] = BOTH(bits_any, , IS_DIGIT | IS_SEPARATOR | IS_HIGH);
		out->word[i] = BOTH(bits_any, , IS_WORD);
		out->base64[i] = BOTH(bits_any, , IS_BASE64);
		/* Letters without the bit of lower case, which digits have. */
		out->upper[i] =
			out->word[i] & ~((uint64_t)BITS_ONE(a, 2) | (uint64_t)BITS_ONE(b, 2) << 32);
		out->at[i] = EQUAL('@');
		out->zero[i] = EQUAL(0);
		out->colon[i] = EQUAL(':');
		out->equal[i] = EQUAL('=');
		out->dot[i] = EQUAL('.');
		out->dash[i] = EQUAL('-');
#undef BOTH
#undef EQUAL
		out->high[i] = (uint64_t)(uint32_t)_mm256_movemask_epi8(a) |
			       (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
	}
	clear_from(out, blocks, length);
	classify_from(bytes, length, blocks * 64, out);
}

AVX2 size_t find_begin_avx2(const uint8_t *bytes, size_t length, size_t from)
{
	for (; from + 32 + 5 <= length; from += 32) {
		uint32_t hit = bits_equal(load(bytes + from), '-') &
			       bits_equal(load(bytes + from + 5), 'B');

		for (; hit; hit &= hit - 1) {
			size_t at = from + (size_t)__builtin_ctz(hit);

			if (find_begin_scalar(bytes, BL_MIN(length, at + 10), at) == at &&
			    at + 10 <= length)
				return at;
		}
	}
	return find_begin_scalar(bytes, length, from);
}

bool classify_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
void classify_avx2(const uint8_t *bytes, size_t length, struct anchors *out)
{
	classify_scalar(bytes, length, out);
}

size_t find_begin_avx2(const uint8_t *bytes, size_t length, size_t from)
{
	return find_begin_scalar(bytes, length, from);
}

bool classify_has_avx2(void)
{
	return false;
}
#endif

void classify(const uint8_t *bytes, size_t length, struct anchors *out)
{
	if (classify_has_avx2())
		classify_avx2(bytes, length, out);
	else
		classify_scalar(bytes, length, out);
}

size_t find_begin(const uint8_t *bytes, size_t length, size_t from)
{
	return classify_has_avx2() ? find_begin_avx2(bytes, length, from)
				   : find_begin_scalar(bytes, length, from);
}
