/* The bytes of BLOG1: known answers made with another program, and nothing else is taken.
 *
 * The constants are from python3, hashlib.blake2b(digest_size=32), over bytes put together by
 * docs/format-log.md: H = lambda x, k=b'': blake2b(x, digest_size=32, key=k).digest()
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "fs/audit/name.h"

#include <sodium.h>
#include <string.h>

#define AT_NS INT64_C(1782900000123456789)

static void assert_hex(const uint8_t *bytes, size_t length, const char *expected)
{
	char hex[2 * 64 + 1];

	sodium_bin2hex(hex, sizeof(hex), bytes, length);
	assert_string_equal(hex, expected);
}

static struct log_identity sample_identity(void)
{
	struct log_identity identity = {.made_ns = AT_NS, .auditor_count = 2};

	for (unsigned i = 0; i < LOG_ID_SIZE; i++)
		identity.log_id[i] = (uint8_t)i;
	memset(identity.public_key, 0x11, VAULT_PUBLIC_KEY);
	memset(identity.commitment, 0x22, AUDIT_DIGEST);
	memset(identity.auditors[0], 0x33, AUDIT_KEY);
	memset(identity.auditors[1], 0x44, AUDIT_KEY);
	return identity;
}

static struct segment_header sample_segment(void)
{
	struct log_identity identity = sample_identity();
	struct segment_header header = {.number = 1,
					.first_sequence = 1,
					.first_frame = 1,
					.realtime_ns = AT_NS,
					.boottime_ns = 5000000000,
					.size = 262144,
					.auditor_count = 2};
	uint8_t page[LOG_ID_FILE_SIZE];

	format_identity(&identity, page);
	memcpy(header.log_id, identity.log_id, LOG_ID_SIZE);
	memcpy(header.previous_chain, identity.genesis, AUDIT_DIGEST);
	memset(header.boot_id, 0x66, sizeof(header.boot_id));
	memset(header.policy_digest, 0x77, sizeof(header.policy_digest));
	for (unsigned i = 0; i < 2; i++) {
		memcpy(header.slots[i], identity.auditors[i], AUDIT_KEY);
		memset(header.slots[i] + AUDIT_KEY, i ? 0x99 : 0x88, AUDIT_SEALED_LK);
	}
	return header;
}

static struct audit_event sample_event(void)
{
	struct audit_event event = {.op = AUDIT_READ,
				    .verdict = AUDIT_DENIED,
				    .uid = 61000,
				    .gid = 61001,
				    .pid = 4711,
				    .login_uid = UINT32_MAX,
				    .view = 7,
				    .session = 8,
				    .device = "RMA-1001",
				    .rule = "technicians-read",
				    .error_number = 13,
				    .policy_serial = 3,
				    .offset = 4096,
				    .bytes = 512,
				    .handle = 9,
				    .detail = "why not",
				    .repeats = 41};

	memset(event.token, 0xaa, AUDIT_TOKEN);
	return event;
}

/* ---- log.id ---------------------------------------------------------------------------------- */

/*
 * p = b'BLOG1ID\0' + le(2,4) + le(2,4) + bytes(range(16)) + b'\x11'*32 + b'\x22'*32 + le(1782900000123456789,8)
 *     + b'\x33'*32 + b'\x44'*32, zeros to 4064; p += H(p); genesis = H(b'BLOG1' + p)
 */
static void identity_and_genesis_are_the_known_ones(void **state BL_UNUSED)
{
	struct log_identity identity = sample_identity(), again;
	uint8_t page[LOG_ID_FILE_SIZE];
	bool is_newer, is_damaged;

	format_identity(&identity, page);
	assert_hex(page + 4064, 32,
		   "48f9ebbd1e6c634ca6b77c648a477c4bfc5aba72c5258826eaa44f02b4074cfe");
	assert_hex(identity.genesis, 32,
		   "9b2240dd969cf2a37abcb921a5f835e891b226d0edd5e465b1c59c778e198a32");
	assert_null(format_identity_parse(page, &again, &is_newer, &is_damaged));
	assert_false(is_newer || is_damaged);
	assert_memory_equal(again.genesis, identity.genesis, AUDIT_DIGEST);
	assert_memory_equal(again.auditors, identity.auditors, sizeof(identity.auditors));
	assert_memory_equal(again.commitment, identity.commitment, AUDIT_DIGEST);
	assert_memory_equal(again.public_key, identity.public_key, VAULT_PUBLIC_KEY);
	assert_int_equal(again.auditor_count, 2);
	assert_int_equal(again.made_ns, AT_NS);
}

static void every_flipped_byte_of_log_id_is_damage(void **state BL_UNUSED)
{
	struct log_identity identity = sample_identity(), again;
	uint8_t page[LOG_ID_FILE_SIZE];
	bool is_newer, is_damaged;

	format_identity(&identity, page);
	for (size_t at = 0; at < sizeof(page); at++) {
		page[at] ^= 0x10;
		if (!format_identity_parse(page, &again, &is_newer, &is_damaged) || is_newer ||
		    !is_damaged)
			fail_msg("byte %zu", at);
		page[at] ^= 0x10;
	}
	page[8] = 1;
	assert_non_null(format_identity_parse(page, &again, &is_newer, &is_damaged));
	assert_true(is_damaged && !is_newer);
}

/* A page whose checksum was made anew: what is wrong is found all the same. */
static void log_id_is_strict(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint8_t value;
		bool is_newer, is_damaged;
	} ROWS[] = {
		{8, 3, true, false},	 {8, 1, false, true},	   {9, 1, true, false},
		{12, 1, false, true},	 {12, 3, false, true},	   {12, 33, false, true},
		{15, 0xff, false, true}, {104, 0x44, false, true}, {104, 0x45, false, true},
		{168, 1, false, true},	 {4063, 1, false, true},
	};
	bool is_newer, is_damaged;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct log_identity identity = sample_identity(), again;
		uint8_t page[LOG_ID_FILE_SIZE];

		format_identity(&identity, page);
		if (ROWS[i].at == 104)
			memset(page + 104, ROWS[i].value, AUDIT_KEY);
		page[ROWS[i].at] = ROWS[i].value;
		format_leaf(page, 4064, page + 4064);
		if (!format_identity_parse(page, &again, &is_newer, &is_damaged) ||
		    is_newer != ROWS[i].is_newer || is_damaged != ROWS[i].is_damaged)
			fail_msg("row %zu: newer %d, damaged %d", i, is_newer, is_damaged);
	}
}

static void a_foreign_file_is_neither_newer_nor_damaged(void **state BL_UNUSED)
{
	uint8_t page[LOG_ID_FILE_SIZE] = {0};
	struct log_identity identity;
	bool is_newer = true, is_damaged = true;

	memcpy(page, "SQLite format 3", 16);
	assert_non_null(format_identity_parse(page, &identity, &is_newer, &is_damaged));
	assert_false(is_newer || is_damaged);
}

/* ---- segments -------------------------------------------------------------------------------- */

/*
 * s = b'BLOG1SEG' + le(2,4) + le(4096,4) + bytes(range(16)) + 3 * le(1,8) + genesis + b'\x66'*16 + b'\x77'*32
 *     + le(1782900000123456789,8) + le(5000000000,8) + le(262144,8) + le(2,4) + le(0,4)
 *     + b'\x33'*32 + b'\x88'*80 + b'\x44'*32 + b'\x99'*80, zeros to 4064; s += H(s)
 * chain = H(b'\x02' + genesis + H(s))
 */
static void segment_header_and_its_step_are_the_known_ones(void **state BL_UNUSED)
{
	struct segment_header header = sample_segment(), again;
	uint8_t page[SEGMENT_HEADER], chain[AUDIT_DIGEST];

	format_segment(&header, page);
	assert_hex(page + 4064, 32,
		   "0e837a8da150fccf9168da1b9c339a4db66f11068e2f904bb090042e6a09e774");
	memcpy(chain, header.previous_chain, sizeof(chain));
	chain_segment(chain, page);
	assert_hex(chain, 32, "e3d5a0151d584eb145c7d4e73bb4ce8b68093756bb199f7d4e46a293886ef7e6");
	assert_null(format_segment_parse(page, &again));
	assert_memory_equal(again.slots, header.slots, sizeof(header.slots));
	assert_memory_equal(again.policy_digest, header.policy_digest, 32);
	assert_int_equal(again.auditor_count, 2);
}

static void every_flipped_byte_of_a_segment_header_is_found(void **state BL_UNUSED)
{
	struct segment_header header = sample_segment(), again;
	uint8_t page[SEGMENT_HEADER];

	format_segment(&header, page);
	for (size_t at = 0; at < sizeof(page); at++) {
		page[at] ^= 0x10;
		if (!format_segment_parse(page, &again))
			fail_msg("byte %zu", at);
		page[at] ^= 0x10;
	}
}

static void segment_header_is_strict(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint32_t value;
	} ROWS[] = {
		{8, 3},
		{12, 8192},
		{152, 262144 - 4096},
		{152, 262145},
		{156, 1},
		{160, 33},
		{160, UINT32_MAX},
		{160, 1},
		{164, 1},
		{168 + 2 * 112, 1},
		{4060, 1},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct segment_header header = sample_segment(), again;
		uint8_t page[SEGMENT_HEADER];

		format_segment(&header, page);
		bl_put32(page + ROWS[i].at, ROWS[i].value);
		format_leaf(page, 4064, page + 4064);
		if (!format_segment_parse(page, &again))
			fail_msg("row %zu", i);
	}
}

static void a_header_with_all_auditors_comes_back(void **state BL_UNUSED)
{
	struct segment_header header = sample_segment(), again;
	uint8_t page[SEGMENT_HEADER];

	header.auditor_count = AUDIT_AUDITORS;
	memset(header.slots, 0xee, sizeof(header.slots));
	format_segment(&header, page);
	assert_null(format_segment_parse(page, &again));
	assert_memory_equal(again.slots, header.slots, sizeof(header.slots));
}

static void only_names_of_segments_are_names_of_segments(void **state BL_UNUSED)
{
	static const struct {
		const char *name;
		bool is_good;
	} ROWS[] = {
		{"seg.0000000000000001", true},	  {"seg.00000000000000ff", true},
		{"seg.ffffffffffffffff", true},	  {"seg.00000000000000FF", false},
		{"seg.000000000000001", false},	  {"seg.00000000000000001", false},
		{"seg.000000000000000g", false},  {"seg.", false},
		{"tomb.0000000000000001", false}, {"", false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char again[SEGMENT_NAME_SIZE];
		uint64_t sequence;
		bool is_good = format_segment_name_parse(ROWS[i].name, &sequence);

		if (is_good != ROWS[i].is_good)
			fail_msg("row %zu '%s'", i, ROWS[i].name);
		if (!is_good)
			continue;
		format_segment_name(sequence, again);
		assert_string_equal(again, ROWS[i].name);
	}
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void a_frame_keeps_its_fields_chain_and_mac(void **state BL_UNUSED)
{
	const struct frame_header header = {
		.length = 256, .number = 5, .first_sequence = 17, .count = 1};
	uint8_t frame[256] = {0}, chain[AUDIT_DIGEST], mac[AUDIT_DIGEST];
	struct frame_header again;

	memset(chain, 0x5a, sizeof(chain));
	memset(mac, 0xa5, sizeof(mac));
	format_frame(frame, &header, chain);
	assert_true(sodium_is_zero(frame + 256 - 40, 32));
	format_frame_mac(frame, 256, mac);
	assert_memory_equal(frame + 256 - 72, chain, sizeof(chain));
	assert_memory_equal(frame + 256 - 40, mac, sizeof(mac));
	assert_memory_equal(frame + 256 - 4, "RFLB", 4);
	assert_ptr_equal(format_frame_chain(frame, 256), frame + 256 - 72);
	assert_true(format_frame_header_parse(frame, &again));
	assert_int_equal(again.number, 5);
	assert_int_equal(again.first_sequence, 17);
}

static void frame_headers_that_cannot_be_are_refused(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint32_t value;
		bool is_good;
	} ROWS[] = {
		{24, 1, true},	   {24, 1024, true},   {24, 0, false},	       {24, 1025, false},
		{28, 1, false},	   {0, 0, false},      {4, 103, false},	       {4, 104, true},
		{4, 131072, true}, {4, 131073, false}, {4, UINT32_MAX, false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[256] = {0}, chain[AUDIT_DIGEST] = {0};
		struct frame_header header = {.length = 256, .number = 1, .count = 1};

		format_frame(bytes, &header, chain);
		bl_put32(bytes + ROWS[i].at, ROWS[i].value);
		if (format_frame_header_parse(bytes, &header) != ROWS[i].is_good)
			fail_msg("row %zu", i);
	}
}

static void a_trailer_with_another_length_or_end_is_refused(void **state BL_UNUSED)
{
	const struct frame_header header = {.length = 256, .number = 1, .count = 1};
	const uint8_t chain[AUDIT_DIGEST] = {0};
	uint8_t frame[256] = {0};

	format_frame(frame, &header, chain);
	for (unsigned at = 248; at < 256; at++) {
		frame[at] ^= 1;
		if (format_frame_chain(frame, 256))
			fail_msg("byte %u", at);
		frame[at] ^= 1;
	}
	assert_non_null(format_frame_chain(frame, 256));
}

/* ---- records --------------------------------------------------------------------------------- */

/*
 * rec = le(151,2) + bytes([1,16,1,8,16,7]) + le(1,8) + le(1782900000123456789,8) + le(5000000001,8)
 *       + le(61000,4) + le(61001,4) + le(4711,4) + le(0xffffffff,4) + le(7,8) + le(8,8) + le(13,4) + le(41,4)
 *       + le(3,8) + le(4096,8) + le(512,8) + le(9,8) + b'\xaa'*16 + b'RMA-1001' b'technicians-read' b'why not'
 * chain = H(b'\x01' + the chain of the segment above + H(rec))
 */
static void a_record_and_its_step_are_the_known_ones(void **state BL_UNUSED)
{
	struct segment_header header = sample_segment();
	struct audit_event event = sample_event();
	uint8_t page[SEGMENT_HEADER], record[RECORD_LARGEST], chain[AUDIT_DIGEST],
		leaf[AUDIT_DIGEST];
	size_t length = format_record(&event, record);

	assert_int_equal(length, 151);
	format_record_stamp(record, 1, AT_NS, 5000000001);
	format_segment(&header, page);
	memcpy(chain, header.previous_chain, sizeof(chain));
	chain_segment(chain, page);
	format_leaf(record, length, leaf);
	chain_record(chain, leaf);
	assert_hex(chain, 32, "3c4c4f8ab842d2b706813005cdacb5069f1f7852123596a4b7e6caf4bede150b");
}

static void a_record_comes_back_as_it_was(void **state BL_UNUSED)
{
	struct audit_event event = sample_event();
	uint8_t bytes[RECORD_LARGEST], again[RECORD_LARGEST];
	struct audit_record record;
	size_t length = format_record(&event, bytes);

	format_record_stamp(bytes, 17, AT_NS, 42);
	assert_int_equal(format_record_parse(bytes, length, &record), length);
	assert_int_equal(record.sequence, 17);
	assert_int_equal(record.realtime_ns, AT_NS);
	assert_int_equal(record.boottime_ns, 42);
	assert_int_equal(record.event.repeats, 41);
	assert_string_equal(record.event.detail, "why not");
	assert_int_equal(format_record(&record.event, again), length);
	format_record_stamp(again, 17, AT_NS, 42);
	assert_memory_equal(again, bytes, length);
}

static void only_what_was_refused_has_repeats(void **state BL_UNUSED)
{
	for (unsigned verdict = 0; verdict <= AUDIT_FAILED_VERDICT; verdict++) {
		for (unsigned repeats = 0; repeats < 2; repeats++) {
			struct audit_event event = sample_event();
			uint8_t bytes[RECORD_LARGEST];
			struct audit_record record;
			bool is_good = verdict != AUDIT_PERMITTED || !repeats;

			event.verdict = (enum audit_verdict)verdict;
			event.repeats = repeats;

			size_t length = format_record(&event, bytes);

			if ((format_record_parse(bytes, length, &record) == length) != is_good)
				fail_msg("verdict %u, repeats %u", verdict, repeats);
		}
	}
}

static void records_that_cannot_be_are_refused(void **state BL_UNUSED)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} ROWS[] = {
		{0, 150}, {0, 152}, {1, 1},   {2, 0},
		{2, 2},	  {2, 3},   {3, 0},   {3, AUDIT_OP_COUNT},
		{3, 255}, {4, 5},   {5, 7},   {6, 15},
		{7, 6},	  {120, 0}, {127, 0}, {128, 0},
		{143, 0}, {150, 0},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_event event = sample_event();
		uint8_t bytes[RECORD_LARGEST] = {0};
		struct audit_record record;

		format_record(&event, bytes);
		bytes[ROWS[i].at] = ROWS[i].value;
		if (format_record_parse(bytes, sizeof(bytes), &record))
			fail_msg("row %zu", i);
	}
}

static void a_record_cut_anywhere_is_refused(void **state BL_UNUSED)
{
	struct audit_event event = sample_event();
	uint8_t bytes[RECORD_LARGEST];
	struct audit_record record;
	size_t length = format_record(&event, bytes);

	for (size_t cut = 0; cut < length; cut++)
		if (format_record_parse(bytes, cut, &record) || format_record_length(bytes, cut))
			fail_msg("%zu bytes", cut);
}

/* Texts as long as their length byte can say, and longer than we have room for. */
static void texts_that_are_too_long_are_refused(void **state BL_UNUSED)
{
	static const struct {
		uint8_t device, rule, detail;
		bool is_good;
	} ROWS[] = {
		{31, 63, 159, true}, {32, 0, 0, false},	     {0, 64, 0, false},
		{0, 0, 160, false},  {255, 255, 255, false},
	};

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		uint8_t bytes[RECORD_FIXED + 3 * 255];
		struct audit_record record;
		size_t length =
			RECORD_FIXED + (size_t)ROWS[i].device + ROWS[i].rule + ROWS[i].detail;

		memset(bytes, 'x', sizeof(bytes));
		memset(bytes, 0, RECORD_FIXED);
		bl_put16(bytes, (uint16_t)length);
		bytes[2] = RECORD_TYPE_EVENT;
		bytes[3] = AUDIT_ADMIN;
		bytes[5] = ROWS[i].device;
		bytes[6] = ROWS[i].rule;
		bytes[7] = ROWS[i].detail;
		if ((format_record_parse(bytes, length, &record) == length) != ROWS[i].is_good)
			fail_msg("row %zu", i);
	}
}

static void print(void (*print_one)(FILE *, const struct audit_record *), uint32_t repeats,
		  char out[2048])
{
	struct audit_record record = {.sequence = 1, .event = sample_event()};
	FILE *file = fmemopen(out, 2048, "w");

	assert_non_null(file);
	record.event.repeats = repeats;
	print_one(file, &record);
	fclose(file);
}

static void repeats_are_told_to_people_and_programs(void **state BL_UNUSED)
{
	char text[2048];

	print(audit_print, 41, text);
	assert_non_null(strstr(text, "why not, 41 more\n"));
	print(audit_print, 0, text);
	assert_non_null(strstr(text, "why not\n"));
	print(audit_print_json, 41, text);
	assert_non_null(strstr(text, ",\"repeats\":41,"));
	print(audit_print_json, 0, text);
	assert_non_null(strstr(text, ",\"repeats\":0,"));
}

static void every_op_and_every_look_has_its_word(void **state BL_UNUSED)
{
	for (unsigned i = 1; i < AUDIT_OP_COUNT; i++) {
		enum audit_op op;

		if (!audit_op_parse(audit_op_name((enum audit_op)i), &op) || op != (enum audit_op)i)
			fail_msg("op %u", i);
	}
	assert_string_equal(audit_op_name(AUDIT_LATCHED), "latched");
	assert_string_equal(audit_op_name(AUDIT_UNLATCHED), "unlatched");
	assert_string_equal(audit_op_name(AUDIT_TRIMMED), "trimmed");
	assert_int_equal(AUDIT_TRIMMED, 32);
	for (unsigned i = 0; i < LOOKS_COUNT; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(audit_looks_name((enum audit_looks)i),
						audit_looks_name((enum audit_looks)j));
	assert_string_equal(audit_looks_name(LOOKS_ROLLED_BACK), "rolled-back");
	assert_string_equal(audit_looks_name(LOOKS_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_and_genesis_are_the_known_ones),
		cmocka_unit_test(every_flipped_byte_of_log_id_is_damage),
		cmocka_unit_test(log_id_is_strict),
		cmocka_unit_test(a_foreign_file_is_neither_newer_nor_damaged),
		cmocka_unit_test(segment_header_and_its_step_are_the_known_ones),
		cmocka_unit_test(every_flipped_byte_of_a_segment_header_is_found),
		cmocka_unit_test(segment_header_is_strict),
		cmocka_unit_test(a_header_with_all_auditors_comes_back),
		cmocka_unit_test(only_names_of_segments_are_names_of_segments),
		cmocka_unit_test(a_frame_keeps_its_fields_chain_and_mac),
		cmocka_unit_test(frame_headers_that_cannot_be_are_refused),
		cmocka_unit_test(a_trailer_with_another_length_or_end_is_refused),
		cmocka_unit_test(a_record_and_its_step_are_the_known_ones),
		cmocka_unit_test(a_record_comes_back_as_it_was),
		cmocka_unit_test(only_what_was_refused_has_repeats),
		cmocka_unit_test(records_that_cannot_be_are_refused),
		cmocka_unit_test(a_record_cut_anywhere_is_refused),
		cmocka_unit_test(texts_that_are_too_long_are_refused),
		cmocka_unit_test(repeats_are_told_to_people_and_programs),
		cmocka_unit_test(every_op_and_every_look_has_its_word),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
