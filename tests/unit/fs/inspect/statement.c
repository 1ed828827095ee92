/* The result of a wipe check is believed to the byte or not at all, and never when it contradicts itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fs/inspect/sample.h"

static char *sign(struct temp *temp, const struct sample *sample)
{
	struct bl_error why = {""};
	char *json = NULL;

	if (inspect_sign(temp->store, &sample->statement, &json, &why) != BL_OK)
		fail_msg("%s", why.text);
	return json;
}

static enum bl_status verify(struct temp *temp, const char *json, size_t length,
			     enum inspect_verdict *out_verdict)
{
	return inspect_verify(json, length, sample_key(temp), INSPECT_TEXT, NULL, out_verdict,
			      NULL);
}

static void result_says_what_it_was_given(void **state)
{
	static const char *const words[] = {
		"{\"device\":{\"id\":\"RMA-1\",\"kind\":\"disk\",\"maker\":\"Synthetic\","
		"\"model\":\"\",\"serial\":\"syn-0042\"},",
		"\"filesystems\":[{\"offset\":1048576,\"type\":\"ext\"}],\"filesystems_more\":0,",
		"\"findings\":{\"classes\":{\"badge-number\":{\"allocated\":0,\"free\":0,"
		"\"identity\":0,\"nobodys\":1},",
		"\"name\":{\"allocated\":0,\"free\":0,\"identity\":7,\"nobodys\":60}},\"more\":0,"
		"\"places\":[{\"class\":\"email\",\"length\":17,\"offset\":1000000000,"
		"\"where\":\"allocated\"},",
		"\"total\":64},\"identities\":3,",
		"\"looked_for\":[\"badge-number\",\"card-security-code\",\"email\",\"name\"],",
		"\"medium\":{\"is_virtual\":false,\"kind\":\"block device\",\"model\":\"SYNTHETIC "
		"SSD 512 <b>&\\\"'\",\"serial\":\"SYN-0042\",\"serial_matches\":\"yes\","
		"\"size_bytes\":512000000000},",
		"\"read\":{\"bytes\":512000000000,\"fill\":0,\"threads\":4,\"unreadable_bytes\":0}"
		",",
		"\"regions\":{\"bytes\":44000037888,\"count\":5,\"first\":[[0,16896],[1048576,"
		"3000000000],",
		"\"more\":0},\"reports\":[{\"digest\":\"ab00",
		"\"method\":\"DoD Short\",\"model\":\"SYNTHETIC SSD 512\",\"program\":\"nwipe\","
		"\"result\":\"success\",\"serial\":\"SYN-0042\",\"serial_matches\":\"yes\","
		"\"version\":\"0.34\"}",
		"\"model\":null,\"program\":\"nvme-cli\",\"result\":\"failure\",\"serial\":null,"
		"\"serial_matches\":\"unknown\",\"version\":null}],",
		"\"tables\":[{\"offset\":0,\"type\":\"mbr\"},{\"offset\":512,\"type\":\"gpt\"},",
		"\"type\":\"bailee-inspection\",\"verdict\":\"NOT_EMPTY\",\"version\":1,",
		"\"when\":{\"begun\":\"2026-07-01T10:00:00Z\",\"done\":\"2026-07-01T11:00:00Z\","
		"\"trusted\":\"2026-07-01T11:00:01Z\"},\"who\":{\"operator\":\"uid:1000\","
		"\"program\":\"bailee ",
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json = sign(temp, sample);
	enum inspect_verdict verdict = INSPECT_EMPTY;

	for (size_t i = 0; i < BL_COUNT(words); i++)
		if (!strstr(json, words[i]))
			fail_msg("%s is not in %s", words[i], json);
	assert_int_equal(verify(temp, json, strlen(json), &verdict), BL_OK);
	assert_int_equal(verdict, INSPECT_NOT_EMPTY);
	free(json);
	free(sample);
}

static void every_verdict_comes_back(void **state)
{
	static const struct {
		const char *name;
		enum inspect_verdict verdict;
		uint64_t unreadable;
	} rows[] = {
		{"empty", INSPECT_EMPTY, 0},
		{"unreadable", INSPECT_NOT_READ, 4096},
		{"another size meanwhile", INSPECT_NOT_READ, 0},
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();

	sample_empty(sample);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		enum inspect_verdict verdict = INSPECT_NOT_EMPTY;

		sample->result.verdict = rows[i].verdict;
		sample->result.unreadable_bytes = rows[i].unreadable;
		sample->result.read_bytes = 512 * GB - rows[i].unreadable;

		char *json = sign(temp, sample);

		if (verify(temp, json, strlen(json), &verdict) != BL_OK ||
		    verdict != rows[i].verdict)
			fail_msg("%s", rows[i].name);
		free(json);
	}
	free(sample);
}

static void without_a_device_nothing_is_matched(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json;

	sample->statement.device = NULL;
	sample->medium = (struct inspect_medium){.is_virtual = INSPECT_NOT_KNOWN};
	json = sign(temp, sample);
	assert_int_equal(verify(temp, json, strlen(json), NULL), BL_OK);
	assert_non_null(strstr(json, "{\"device\":null,"));
	assert_non_null(strstr(json, "\"is_virtual\":null,\"kind\":\"file\",\"model\":null,"
				     "\"serial\":null,\"serial_matches\":\"unknown\""));
	assert_null(strstr(json, "\"serial_matches\":\"yes\""));
	free(json);
	free(sample);
}

static void no_byte_of_it_can_be_changed(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json = sign(temp, sample);
	size_t length = strlen(json);

	for (size_t i = 0; i<length; i += i> 900 && i + 3000 < length ? 97 : 1)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			json[i] = (char)(json[i] ^ (1 << bit));
			if (verify(temp, json, length, NULL) == BL_OK)
				fail_msg("byte %zu, bit %u", i, bit);
			json[i] = (char)(json[i] ^ (1 << bit));
		}
	assert_int_equal(verify(temp, json, length, NULL), BL_OK);
	free(json);
	free(sample);
}

static void other_forms_of_the_same_are_refused(void **state)
{
	static const struct {
		const char *name, *front, *behind;
		size_t less;
	} rows[] = {
		{"a space in front", " ", "", 0},
		{"two newlines", "", "\n", 0},
		{"no newline", "", "", 1},
		{"something behind", "", "x", 0},
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json = sign(temp, sample);
	uint8_t stranger[VAULT_PUBLIC_KEY] = {1};

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		char *other = NULL;
		int length = asprintf(&other, "%s%.*s%s", rows[i].front,
				      (int)(strlen(json) - rows[i].less), json, rows[i].behind);

		assert_true(length > 0);
		if (verify(temp, other, (size_t)length, NULL) == BL_OK)
			fail_msg("%s", rows[i].name);
		free(other);
	}
	assert_int_equal(
		inspect_verify(json, strlen(json), stranger, INSPECT_TEXT, NULL, NULL, NULL),
		BL_TAMPERED);
	assert_int_equal(
		verify(temp, "{\"type\":\"bailee-certificate\",\"version\":2}\n", 42, NULL),
		BL_INVALID);
	free(json);
	free(sample);
}

/* ---- signed, but of another shape ------------------------------------------------------------------------ */

/* Signs @json as the store does: whoever has its key can. */
static enum bl_status verify_signed(struct temp *temp, json_t *json)
{
	char *line = NULL;
	enum bl_status status = statement_sign(device_store_vault(temp->store), json, &line, NULL);

	assert_int_equal(status, BL_OK);
	status = verify(temp, line, strlen(line), NULL);
	free(line);
	return status;
}

static json_t *signed_sample(struct temp *temp)
{
	struct sample *sample = sample_new();
	char *text = sign(temp, sample);
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	json_object_del(json, "signature");
	free(text);
	free(sample);
	return json;
}

/* What "regions.first.0" is in: its last component is left in @path. */
static json_t *parent_of(json_t *json, const char **path)
{
	for (const char *dot; json && (dot = strchr(*path, '.')); *path = dot + 1) {
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(dot - *path), *path);
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
					   : json_object_get(json, key);
	}
	return json;
}

static void set(json_t *json, const char *path, const char *value)
{
	json_t *parent = parent_of(json, &path), *new = json_loads(value, JSON_DECODE_ANY, NULL);

	assert_non_null(parent);
	assert_non_null(new);
	if (json_is_array(parent) && (size_t)atoi(path) == json_array_size(parent))
		assert_int_equal(json_array_append_new(parent, new), 0);
	else if (json_is_array(parent))
		assert_int_equal(json_array_set_new(parent, (size_t)atoi(path), new), 0);
	else
		assert_int_equal(json_object_set_new(parent, path, new), 0);
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
		{"verdict", "\"EMPTY\""},
		{"verdict", "\"NOT_READ\""},
		{"verdict", "\"CLEAN\""},
		{"version", "2"},
		{"store", "\"abc\""},
		{"public_key",
		 "\"0000000000000000000000000000000000000000000000000000000000000000\""},
		{"device", "{}"},
		{"device.id", "\"../x\""},
		{"device.kind", "\"toaster\""},
		{"device.maker", "null"},
		{"device.serial", "\"another\""},
		{"device.model", "\"a\\u001b[2J\""},
		{"device.model", "\"a\\u202eb\""},
		{"medium.kind", "\"tape\""},
		{"medium.size_bytes", "0"},
		{"medium.size_bytes", "1000000000"},
		{"medium.size_bytes", "-1"},
		{"medium.size_bytes", "512000000000.0"},
		{"medium.model", "\"\""},
		{"medium.serial", "7"},
		{"medium.serial_matches", "\"no\""},
		{"medium.serial_matches", "\"unknown\""},
		{"medium.is_virtual", "\"no\""},
		{"read.bytes", "512000000001"},
		{"read.unreadable_bytes", "512000000001"},
		{"read.unreadable_bytes", "1"},
		{"read.fill", "1"},
		{"read.threads", "0"},
		{"regions.count", "4"},
		{"regions.count", "6"},
		{"regions.bytes", "44000037887"},
		{"regions.bytes", "44000037889"},
		{"regions.more", "1"},
		{"regions.first.0", "[0,0]"},
		{"regions.first.0", "[0,16896,1]"},
		{"regions.first.0", "{\"offset\":0,\"length\":16896}"},
		{"regions.first.0", "[16896,33792]"},
		{"regions.first.1", "[16895,3000000000]"},
		{"regions.first.4", "[511999983104,16897]"},
		{"regions.first.4", "[9223372036854775807,9223372036854775807]"},
		{"regions.first.5", "[511999999999,1]"},
		{"tables.0", "{\"type\":\"\",\"offset\":0}"},
		{"tables.0", "{\"type\":\"mbr\",\"offset\":513}"},
		{"tables.2", "{\"type\":\"gpt\",\"offset\":512000000000}"},
		{"tables_more", "1"},
		{"filesystems.0", "\"ext\""},
		{"filesystems_more", "-1"},
		{"findings.total", "63"},
		{"findings.total", "65"},
		{"findings.more", "1"},
		{"findings.classes.name.nobodys", "61"},
		{"findings.classes.name.nobodys", "9223372036854775807"},
		{"findings.classes.name.identity", "61"},
		{"findings.classes.phone",
		 "{\"allocated\":0,\"free\":0,\"nobodys\":0,\"identity\":0}"},
		{"findings.places.0.class", "\"phone\""},
		{"findings.places.0.where", "\"nobodys\""},
		{"findings.places.0.where", "\"elsewhere\""},
		{"findings.places.0.length", "0"},
		{"findings.places.0.length", "511000000001"},
		{"findings.places.0.offset", "3000000000"},
		{"identities", "0"},
		{"looked_for.0", "\"zzz\""},
		{"looked_for.1", "\"badge-number\""},
		{"looked_for.1", "\"Card\""},
		{"reports.0.program", "null"},
		{"reports.0.result", "\"good\""},
		{"reports.0.serial", "\"another\""},
		{"reports.1.serial_matches", "\"yes\""},
		{"reports.0.digest", "\"ab\""},
		{"when.done", "\"yesterday\""},
		{"when.done", "\"2026-07-01T11:00:00+02:00\""},
		{"who.operator", "\"root\""},
		{"who.operator", "\"uid:99999999999\""},
		{"who.program", "\"\""},
	};
	struct temp *temp = *state;

	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		json_t *json = signed_sample(temp);

		set(json, rows[i].path, rows[i].value);
		if (verify_signed(temp, json) != BL_INVALID)
			fail_msg("%s: %s", rows[i].path, rows[i].value);
		json_decref(json);
	}
}

/* EMPTY says that everything was read. */
static void empty_is_not_said_of_what_was_not_read(void **state)
{
	static const struct {
		const char *path, *value;
		enum bl_status status;
	} rows[] = {
		{"read.fill", "255", BL_OK},
		{"read.unreadable_bytes", "1", BL_INVALID},
		{"read.bytes", "511999999999", BL_INVALID},
		{"regions", "{\"count\":1,\"bytes\":1,\"first\":[[0,1]],\"more\":0}", BL_INVALID},
		{"regions", "{\"count\":0,\"bytes\":1,\"first\":[],\"more\":0}", BL_INVALID},
		{"tables.0", "{\"type\":\"mbr\",\"offset\":0}", BL_INVALID},
		{"filesystems.0", "{\"type\":\"ext\",\"offset\":0}", BL_INVALID},
	};
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *text;

	sample_empty(sample);
	text = sign(temp, sample);
	for (size_t i = 0; i < BL_COUNT(rows); i++) {
		json_t *json = json_loads(text, 0, NULL);

		json_object_del(json, "signature");
		set(json, rows[i].path, rows[i].value);
		if (verify_signed(temp, json) != rows[i].status)
			fail_msg("%s: %s", rows[i].path, rows[i].value);
		json_decref(json);
	}
	free(text);
	free(sample);
}

/* Each object of it without each of its members, and with one more. */
static void check_members(struct temp *temp, json_t *whole, json_t *object, const char *name)
{
	json_t *copy = json_copy(object);
	const char *key;
	json_t *value;

	assert_non_null(copy);
	json_object_foreach(copy, key, value)
	{
		json_object_del(object, key);
		if (verify_signed(temp, whole) == BL_OK)
			fail_msg("%s without %s", name, key);
		json_object_set(object, key, value);
		json_object_del(whole, "signature");
	}
	json_decref(copy);
	json_object_set_new(object, "extra", json_integer(0));
	if (verify_signed(temp, whole) == BL_OK)
		fail_msg("%s with one more", name);
	json_object_del(object, "extra");
	json_object_del(whole, "signature");
}

static void all_members_are_there_and_no_others(void **state)
{
	static const char *const objects[] = {"device.",
					      "medium.",
					      "read.",
					      "regions.",
					      "tables.1.",
					      "filesystems.0.",
					      "findings.",
					      "findings.classes.",
					      "reports.1.",
					      "findings.places.3.",
					      "findings.classes.name.",
					      "when.",
					      "who.",
					      ""};
	struct temp *temp = *state;
	json_t *json = signed_sample(temp);

	for (size_t i = 0; i < BL_COUNT(objects); i++) {
		const char *path = objects[i];
		json_t *object = parent_of(json, &path);

		assert_true(json_is_object(object));
		check_members(temp, json, object, objects[i]);
	}
	assert_int_equal(verify_signed(temp, json), BL_OK);
	json_decref(json);
}

static void what_contradicts_itself_is_not_signed(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json = NULL;

	sample->result.verdict = INSPECT_EMPTY;
	assert_int_equal(inspect_sign(temp->store, &sample->statement, &json, NULL), BL_FAILED);
	assert_null(json);
	sample->result.verdict = INSPECT_NOT_EMPTY;
	sample->result.finding_total++;
	assert_int_equal(inspect_sign(temp->store, &sample->statement, &json, NULL), BL_FAILED);
	assert_null(json);
	free(sample);
}

/* ---- long ones ---------------------------------------------------------------------------------------------- */

static void fill(struct sample *sample)
{
	sample_empty(sample);
	for (uint64_t i = 0; i < 2 * INSPECT_PLACES; i++) {
		sample_region(sample, i * 200000000, 4097);
		sample_finding(sample, CLASS_COUNT, INSPECT_NOBODYS, i * 200000000 + 1, false);
	}
	for (size_t i = 0; i < INSPECT_SIGNS; i++) {
		sample->result.tables[i] = (struct inspect_sign){"gpt", i << 20};
		sample->result.filesystems[i] = (struct inspect_sign){"reiserfs", i << 20};
	}
	sample->result.table_count = INSPECT_SIGNS + 7;
	sample->result.filesystem_count = INSPECT_SIGNS;
}

static void of_many_places_a_thousand_are_told(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *json;

	fill(sample);
	json = sign(temp, sample);
	assert_int_equal(verify(temp, json, strlen(json), NULL), BL_OK);
	assert_true(strlen(json) <= STATEMENT_LIMIT);
	assert_non_null(strstr(json, "\"count\":2000,"));
	assert_non_null(strstr(json, "[199800000000,4097]],\"more\":1000}"));
	assert_non_null(strstr(json, "\"more\":1000,\"places\":[{"));
	assert_non_null(strstr(json, "\"total\":2000}"));
	assert_non_null(strstr(json, "\"tables_more\":7,"));
	assert_non_null(strstr(json, "\"filesystems_more\":0,"));
	free(json);
	free(sample);
}

static void places_are_left_out_till_it_fits(void **state)
{
	struct temp *temp = *state;
	struct sample *sample = sample_new();
	char *text;
	json_t *json;

	fill(sample);
	sample->statement.class_context = "long names";
	text = sign(temp, sample);
	assert_true(strlen(text) <= STATEMENT_LIMIT);
	assert_int_equal(verify(temp, text, strlen(text), NULL), BL_OK);
	json = json_loads(text, 0, NULL);

	json_t *findings = json_object_get(json, "findings");
	size_t told = json_array_size(json_object_get(findings, "places"));

	assert_true(told > 100 && told < INSPECT_PLACES);
	assert_int_equal(json_integer_value(json_object_get(findings, "more")), 2000 - told);
	assert_int_equal(json_array_size(statement_at(json, "regions", "first")), INSPECT_PLACES);
	json_decref(json);
	free(text);
	free(sample);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_set_up, temp_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(result_says_what_it_was_given),
		TEST(every_verdict_comes_back),
		TEST(without_a_device_nothing_is_matched),
		TEST(no_byte_of_it_can_be_changed),
		TEST(other_forms_of_the_same_are_refused),
		TEST(what_contradicts_itself_is_refused),
		TEST(empty_is_not_said_of_what_was_not_read),
		TEST(all_members_are_there_and_no_others),
		TEST(what_contradicts_itself_is_not_signed),
		TEST(of_many_places_a_thousand_are_told),
		TEST(places_are_left_out_till_it_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
