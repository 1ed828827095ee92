/*
 * Sealing on a disk that fails, and on a machine that loses power after every step with what was not synced gone, torn, reordered:
 * the intake goes on from its last checkpoint at least, what was done is right, the finished image is right, and no nonce comes twice.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/sealed-disk.h"

static const uint8_t ROOT[VAULT_KEY] = {1}, DIGEST[32] = {0xd1};
static const struct sealed_gap GAPS[] = {{1 << 20, 512, SEALED_UNREADABLE}};

#define MIB    (UINT64_C(1) << 20)
#define GROUPS 130
#define SIZE   (129 * MIB + 70000)

/* ---- a source, and what is in the image of it ------------------------------------------------ */

/* Some groups of two leaves and the last one. An even version of the source has others than an odd one. */
static bool is_filled(uint64_t group, uint8_t version)
{
	static const uint8_t ALWAYS[] = {0, 1, 2, 62, 64, 65, 127, 128, 129};

	for (size_t i = 0; i < BL_COUNT(ALWAYS); i++)
		if (group == ALWAYS[i])
			return true;
	return group == (version % 2 ? 63 : 66);
}

/* A checkpoint is taken when so many groups are done. */
static bool is_checkpoint(uint64_t groups)
{
	static const uint8_t AT[] = {2, 3, 62, 64, 65, 128};

	for (size_t i = 0; i < BL_COUNT(AT); i++)
		if (groups == AT[i])
			return true;
	return false;
}

static size_t length_of(uint64_t group)
{
	return (size_t)BL_MIN(MIB, SIZE - group * MIB);
}

static void fill(uint64_t group, uint8_t version, uint8_t *out)
{
	uint8_t seed[randombytes_SEEDBYTES] = {version};

	memset(out, 0, SEALED_GROUP);
	if (!is_filled(group, version))
		return;
	bl_put64(seed + 8, group);
	randombytes_buf_deterministic(out, 70000, seed);
	if (length_of(group) == SEALED_GROUP && group % 2)
		memset(out + 7 * SEALED_CHUNK, version, SEALED_CHUNK);
}

struct model {
	uint8_t versions[GROUPS]; /* of the source, as each group was put */
	uint8_t *put, *back;
};

static struct model *model_new(void)
{
	struct model *model = calloc(1, sizeof(*model));

	must(model, "no memory");
	model->put = aligned_alloc(4096, SEALED_GROUP);
	model->back = aligned_alloc(4096, SEALED_GROUP);
	must(model->put && model->back, "no memory");
	return model;
}

static void model_free(struct model *model)
{
	free(model->put);
	free(model->back);
	free(model);
}

/* ---- an intake ------------------------------------------------------------------------------- */

static uint64_t find_next(uint64_t group, uint8_t version)
{
	uint64_t next = group;

	while (next < GROUPS && !is_filled(next, version) &&
	       (next == group || !is_checkpoint(next)))
		next++;
	return next;
}

/* The next group, or all zeros up to where something is to be done. */
static enum bl_status one_part(struct sealed_writer *writer, struct model *model, uint8_t version,
			       struct bl_error *why)
{
	uint64_t group = sealed_at(writer) / MIB, next = find_next(group, version);
	enum bl_status status;

	if (next > group) {
		status = sealed_skip(writer, next - group, why);
	} else {
		fill(group, version, model->put);
		status = sealed_put(writer, model->put, length_of(group), why);
		next = group + 1;
	}
	if (status == BL_OK)
		memset(model->versions + group, version, next - group);
	return status;
}

/* To the end of the image, or until something fails. */
static enum bl_status seal(struct sealed_writer *writer, struct model *model, uint8_t version,
			   struct recorder *recorder, struct bl_error *why)
{
	enum bl_status status = BL_OK;

	while (status == BL_OK && sealed_at(writer) < SIZE) {
		status = one_part(writer, model, version, why);
		if (status != BL_OK || !is_checkpoint(sealed_at(writer) / MIB))
			continue;
		status = sealed_checkpoint(writer, why);
		if (status == BL_OK && recorder)
			recorder_ack(recorder, sealed_at(writer));
	}
	if (status == BL_OK)
		status = sealed_finish(writer, GAPS, BL_COUNT(GAPS), DIGEST, why);
	if (status == BL_OK && recorder)
		recorder_ack(recorder, SIZE);
	return status;
}

/* ---- looking at it, by nothing that writes --------------------------------------------------- */

static enum bl_status read_key(const struct sealed_files *files, const struct sealed_header *header,
			       uint64_t group, const uint8_t *index, uint8_t out_key[VAULT_KEY])
{
	struct tree_entry entry = {.generation = header->top_generation, .side = header->top_side};
	struct sealed_names names;
	uint8_t node[SEALED_PAGE], hash[SEALED_HASH];

	memcpy(entry.wrapped, header->top_key, VAULT_KEY);
	memcpy(entry.tag, header->top_tag, SEALED_TAG);
	sealed_names_of(header, &names);
	tree_top_key(ROOT, out_key);
	for (unsigned level = header->levels; level-- > 0;) {
		uint64_t at = group >> 6 * (level + 1);
		bool is_top = level == header->levels - 1;

		if (entry.generation == 0)
			return BL_NOT_FOUND;
		if (sealed_read_at(files->keys, node, sizeof(node),
				   tree_place(header->levels, level, at, entry.side), "keys",
				   NULL) != BL_OK)
			return BL_IO;
		sealed_hash(node, sizeof(node), hash);
		if (tree_unwrap(&names, out_key, is_top ? 255 : level + 1, at, &entry, hash,
				out_key) != BL_OK ||
		    !tree_entry_decode(node + (group >> 6 * level) % 64 * SEALED_ENTRY, &entry))
			return BL_TAMPERED;
	}
	if (entry.generation == 0)
		return BL_NOT_FOUND;
	sealed_hash(index, SEALED_GROUP_INDEX, hash);
	return tree_unwrap(&names, out_key, 0, group, &entry, hash, out_key);
}

static enum bl_status read_chunks(const struct sealed_files *files,
				  const struct sealed_header *header, uint64_t group,
				  const uint8_t *index, const uint8_t key[VAULT_KEY], uint8_t *out)
{
	struct sealed_names names;
	enum bl_status status = BL_OK;

	sealed_names_of(header, &names);
	memset(out, 0, SEALED_GROUP);
	for (uint64_t i = 0; i < SEALED_GROUP_CHUNKS && status == BL_OK; i++) {
		uint64_t chunk = group * SEALED_GROUP_CHUNKS + i;
		uint8_t *bytes = out + i * SEALED_CHUNK;
		struct chunk_index entry;

		if (!chunk_index_decode(index + i * SEALED_INDEX_ENTRY, &entry))
			return BL_TAMPERED;
		if (entry.generation == 0)
			continue;
		status = sealed_read_at(files->data, bytes, SEALED_CHUNK, chunk * SEALED_CHUNK,
					"data", NULL);
		if (status == BL_OK)
			status = chunk_open(&names, key, chunk, &entry,
					    (uint32_t)BL_MIN((uint64_t)SEALED_CHUNK,
							     SIZE - chunk * SEALED_CHUNK),
					    bytes);
	}
	return status;
}

/* BL_NOT_FOUND: it is zeros. */
static enum bl_status read_group(const struct sealed_files *files,
				 const struct sealed_header *header, uint64_t group, uint8_t *out)
{
	uint8_t index[SEALED_GROUP_INDEX], key[VAULT_KEY];
	enum bl_status status = sealed_read_at(files->index, index, sizeof(index),
					       group * SEALED_GROUP_INDEX, "index", NULL);

	if (status == BL_OK)
		status = read_key(files, header, group, index, key);
	if (status == BL_NOT_FOUND && !sodium_is_zero(index, sizeof(index)))
		return BL_TAMPERED;
	if (status == BL_OK)
		status = read_chunks(files, header, group, index, key, out);
	return status;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

struct outage {
	const char *what;
	unsigned step;
	const char *how;
};

#define fail_outage(outage, ...)                                                                   \
	do {                                                                                       \
		print_error("%s %u, %s:\n", (outage)->what, (outage)->step, (outage)->how);        \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

/* All groups as the model has them, in a complete image; from its files alone. */
static void check_image(const struct outage *outage, int device_fd, struct model *model)
{
	struct sealed_files files;
	struct sealed_header header;
	struct sealed_gap *gaps = NULL;
	struct bl_error why = {""};
	size_t gap_count = 0;
	unsigned slot;

	if (sealed_files_open(device_fd, false, &files, &why) != BL_OK ||
	    sealed_header_read(&files, ID, ROOT, &header, &slot, &why) != BL_OK ||
	    sealed_gaps_read(&files, ID, ROOT, header.gaps_hash, SIZE, &gaps, &gap_count, &why) !=
		    BL_OK)
		fail_outage(outage, "%s", why.text);
	free(gaps);
	if (header.state != SEALED_COMPLETE || header.image_bytes != SIZE ||
	    gap_count != BL_COUNT(GAPS) || memcmp(header.digest, DIGEST, 32) != 0)
		fail_outage(outage, "the image is not as it was finished");
	for (uint64_t group = 0; group < GROUPS; group++) {
		enum bl_status status = read_group(&files, &header, group, model->back);

		if (!is_filled(group, model->versions[group]) && status == BL_NOT_FOUND)
			continue;
		fill(group, model->versions[group], model->put);
		if (status != BL_OK || memcmp(model->put, model->back, SEALED_GROUP) != 0)
			fail_outage(outage, "group %u: %s", (unsigned)group,
				    status == BL_OK ? "is another" : bl_status_name(status));
	}
	sealed_files_close(&files);
}

static void check_back(const struct outage *outage, struct sealed_writer *writer,
		       struct model *model)
{
	for (uint64_t at = 0; at < sealed_at(writer); at += MIB) {
		uint64_t most = is_filled(at / MIB, model->versions[at / MIB]) ? MIB : 4096;
		size_t length = (size_t)BL_MIN(most, sealed_at(writer) - at);
		struct bl_error why = {""};

		fill(at / MIB, model->versions[at / MIB], model->put);
		if (sealed_look_back(writer, at, model->back, length, &why) != BL_OK ||
		    memcmp(model->put, model->back, length) != 0)
			fail_outage(outage, "group %u does not come back: %s", (unsigned)(at / MIB),
				    why.text);
	}
}

static uint64_t acknowledged_before(const struct recorder *recorder, unsigned cut, bool *out_is_any)
{
	uint64_t newest = 0;

	*out_is_any = false;
	for (unsigned i = 0; i < cut; i++)
		if (recorder->steps[i].kind == STEP_ACK) {
			newest = recorder->steps[i].offset;
			*out_is_any = true;
		}
	return newest;
}

/* ---- power ----------------------------------------------------------------------------------- */

static struct place *new_place(void)
{
	void *place = NULL;

	must(place_setup_in("/dev/shm", &place) == 0, "no place");
	return place;
}

static void free_place(struct place *place)
{
	void *state = place;

	place_teardown(&state);
}

/* Resume, or make it anew where it never was: NULL when it is complete. */
static struct sealed_writer *recover(const struct outage *outage, const struct sealed_io *io,
				     int device_fd, uint64_t acknowledged, bool was_made)
{
	struct sealed_writer *writer = NULL;
	struct bl_error why = {""};
	struct sealed_facts facts;
	enum bl_status status = sealed_resume_by(io, device_fd, ID, ROOT, SIZE, &writer, &why);

	if (status == BL_NOT_FOUND && !was_made)
		status = sealed_create_by(io, device_fd, ID, ROOT, SIZE, SEALED_XCHACHA20, &writer,
					  &why);
	if (status == BL_INVALID && sealed_look(device_fd, ID, &facts, NULL) == BL_OK &&
	    facts.is_complete)
		return NULL;
	if (status != BL_OK)
		fail_outage(outage, "it does not go on: %s: %s", bl_status_name(status), why.text);
	if (sealed_at(writer) < acknowledged)
		fail_outage(outage, "an acknowledged checkpoint is lost");
	return writer;
}

static void lose_power(const struct recorder *recorder, unsigned cut, size_t which,
		       const struct model *as_put)
{
	struct outage outage = {"power lost after step", cut, LOSSES[which].what};
	struct place *place = new_place();
	struct model *model = model_new();
	struct bl_error why = {""};
	bool was_made;
	uint64_t acknowledged = acknowledged_before(recorder, cut, &was_made);

	memcpy(model->versions, as_put->versions, GROUPS);
	disk_build(place->fd, recorder, cut, which);

	struct sealed_writer *writer =
		recover(&outage, sealed_io_real(), place->fd, acknowledged, was_made);

	if (writer) {
		check_back(&outage, writer, model);
		if (seal(writer, model, 4, NULL, &why) != BL_OK)
			fail_outage(&outage, "it does not come to its end: %s", why.text);
		sealed_writer_close(writer);
	}
	check_image(&outage, place->fd, model);
	model_free(model);
	free_place(place);
}

/* Beginning, and all of it. */
static enum bl_status record(struct recorder *recorder, const struct sealed_io *io,
			     struct model *model, struct bl_error *why)
{
	BL_CLEANUP(sealed_writer_close) struct sealed_writer *writer = NULL;
	enum bl_status status = sealed_create_by(io, recorder->device_fd, ID, ROOT, SIZE,
						 SEALED_XCHACHA20, &writer, why);

	if (status != BL_OK)
		return status;
	recorder_ack(recorder, 0);
	return seal(writer, model, 3, recorder, why);
}

static void power_lost_at_any_step_loses_nothing_acknowledged(void **state)
{
	struct place *place = *state;
	struct recorder *recorder = recorder_new(place->fd);
	struct sealed_io io = disk_io(recorder);
	struct model *model = model_new();
	struct outage outage = {"the run", 0, "nothing lost"};
	unsigned outages = 0;

	assert_int_equal(record(recorder, &io, model, NULL), BL_OK);
	check_image(&outage, place->fd, model);
	for (unsigned cut = 1; cut <= recorder->count; cut++)
		for (size_t which = 0; which < BL_COUNT(LOSSES); which++, outages++)
			lose_power(recorder, cut, which, model);
	print_message("%u steps, %u outages\n", recorder->count, outages);
	assert_true(outages > 500);
	model_free(model);
	recorder_free(recorder);
}

/* ---- nonces ---------------------------------------------------------------------------------- */

#define USES 16384

/* Whatever was encrypted under a generation, and what came of it. */
struct use {
	unsigned level; /* of the entry's node; 254: a chunk, 255: the top */
	uint64_t index, generation;
	uint8_t is[SEALED_HASH];
	unsigned step; /* of this life; 0: of an earlier one */
};

struct watch {
	struct use uses[USES];
	unsigned count;
	uint64_t floor;	   /* this run may use none below */
	uint64_t reserved; /* and none from here on: of the last header on the disk */
	const char *wrong;
	const struct recorder *recorder;
};

static void see_use(struct watch *watch, unsigned level, uint64_t index, uint64_t generation,
		    const uint8_t *bytes, size_t length)
{
	uint8_t is[SEALED_HASH];

	if (generation == 0)
		return;
	sealed_hash(bytes, length, is);
	for (unsigned i = 0; i < watch->count; i++) {
		const struct use *use = &watch->uses[i];

		if (use->level != level || use->index != index || use->generation != generation)
			continue;
		if (memcmp(use->is, is, sizeof(is)) != 0)
			watch->wrong = "a nonce was used twice";
		return;
	}
	if (generation < watch->floor)
		watch->wrong = "a generation is below what was reserved before";
	if (generation >= watch->reserved)
		watch->wrong = "a generation was not reserved yet";
	must(watch->count < USES, "too many uses");

	struct use *use = &watch->uses[watch->count++];

	*use = (struct use){.level = level,
			    .index = index,
			    .generation = generation,
			    .step = watch->recorder->count - 1};
	memcpy(use->is, is, sizeof(is));
}

static void see_node(struct watch *watch, uint64_t place, const uint8_t *bytes)
{
	/* Two levels: the top and its leaves. */
	uint64_t node = place / SEALED_PAGE / 2;
	unsigned level = node == 0 ? 1 : 0;
	uint64_t first = node == 0 ? 0 : (node - 1) * SEALED_FAN;

	for (unsigned i = 0; i < SEALED_FAN; i++) {
		const uint8_t *entry = bytes + i * (size_t)SEALED_ENTRY;

		see_use(watch, level, first + i, bl_get64(entry), entry, SEALED_ENTRY);
	}
}

static void see_header(struct watch *watch, const uint8_t *page)
{
	struct sealed_header header;

	if (sealed_header_parse(page, &header, NULL) != BL_OK)
		return;
	see_use(watch, 255, 0, header.top_generation, page + 120, VAULT_KEY + SEALED_TAG);
	watch->reserved = BL_MAX(watch->reserved, header.reserved);
}

static void see(void *context, const char *name, const uint8_t *bytes, size_t length,
		uint64_t offset)
{
	struct watch *watch = context;

	if (strcmp(name, "header") == 0)
		see_header(watch, bytes);
	if (strcmp(name, "keys") == 0 && length == SEALED_PAGE)
		see_node(watch, offset, bytes);
	if (strcmp(name, "index") != 0)
		return;
	for (size_t at = 0; at + SEALED_INDEX_ENTRY <= length; at += SEALED_INDEX_ENTRY)
		see_use(watch, 254, (offset + at) / SEALED_INDEX_ENTRY, bl_get64(bytes + at),
			bytes + at, SEALED_INDEX_ENTRY);
}

/* What was reserved by a header that is on the disk for certain. */
static uint64_t reserved_before(const struct recorder *recorder, unsigned cut)
{
	uint64_t reserved = 0;

	for (unsigned i = 0; i < cut; i++) {
		const struct step *step = &recorder->steps[i];
		struct sealed_header header;

		if (step->kind == STEP_WRITE && step->synced_at < cut &&
		    step->length % SEALED_PAGE == 0 && step->length <= 2 * SEALED_PAGE &&
		    sealed_header_parse(step->bytes, &header, NULL) == BL_OK)
			reserved = BL_MAX(reserved, header.reserved);
	}
	return reserved;
}

/* Power was lost after @cut steps: what was recorded behind them never was. */
static void forget(struct watch *watch, const struct recorder *recorder, unsigned cut)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < watch->count; i++) {
		if (watch->uses[i].step >= cut)
			continue;
		watch->uses[kept] = watch->uses[i];
		watch->uses[kept++].step = 0;
	}
	watch->count = kept;
	watch->floor = watch->reserved = reserved_before(recorder, cut);
}

/* One intake in many lives: @lives outages, each at another step, a new version of the source after each. */
static void live_on(unsigned seed, unsigned lives, struct watch *watch)
{
	struct outage outage = {"seed", seed, "several outages"};
	struct place *place = new_place();
	struct model *model = model_new();
	uint64_t acknowledged = 0;
	bool was_made = false;

	for (unsigned life = 0; life < lives; life++) {
		struct recorder *recorder = recorder_new(place->fd);
		struct sealed_io io = disk_io(recorder);
		unsigned adopted = recorder->count, cut;
		struct bl_error why = {""};

		recorder->see = see;
		recorder->context = watch;
		watch->recorder = recorder;

		struct sealed_writer *writer =
			recover(&outage, &io, place->fd, acknowledged, was_made);

		if (!writer) {
			recorder_free(recorder);
			break;
		}
		check_back(&outage, writer, model);
		recorder_ack(recorder, sealed_at(writer));
		if (seal(writer, model, (uint8_t)(3 + life), recorder, &why) != BL_OK)
			fail_outage(&outage, "%s", why.text);
		sealed_writer_close(writer);
		if (watch->wrong)
			fail_outage(&outage, "life %u: %s", life, watch->wrong);
		cut = adopted + 1 + dice(seed, life, 0) * (recorder->count - adopted) / 300;
		free_place(place);
		place = new_place();
		disk_build(place->fd, recorder, cut, dice(seed, life, 1) % BL_COUNT(LOSSES));
		forget(watch, recorder, cut);
		acknowledged = acknowledged_before(recorder, cut, &was_made);
		recorder_free(recorder);
	}
	model_free(model);
	free_place(place);
}

static void no_nonce_comes_twice_in_many_lives(void **state BL_UNUSED)
{
	unsigned uses = 0;

	for (unsigned seed = 0; seed < 30; seed++) {
		struct watch *watch = calloc(1, sizeof(*watch));

		assert_non_null(watch);
		live_on(seed, 8, watch);
		uses += watch->count;
		free(watch);
	}
	print_message("%u nonces\n", uses);
	assert_true(uses > 1000);
}

/* ---- a disk that fails ----------------------------------------------------------------------- */

static const struct {
	const char *what;
	int error; /* 0: half of it is written */
	bool is_retried;
} FAULTS[] = {
	{"EIO", EIO, false},
	{"no space", ENOSPC, false},
	{"half", 0, false},
	{"EIO, once more", EIO, true},
	{"no space, once more", ENOSPC, true},
	{"half, once more", 0, true},
};

struct tally {
	unsigned failures, retries;
};

/* On the same writer, where it lets us; then power is lost, and what a failed sync left is gone. */
static enum bl_status retry(struct sealed_writer *writer, struct model *model,
			    struct recorder *recorder)
{
	struct bl_error why = {""};
	enum bl_status status = seal(writer, model, 3, recorder, &why);

	lose_power(recorder, recorder->count, 0, model);
	return status;
}

static void go_on_after(const struct outage *outage, int device_fd, struct model *model,
			uint64_t acknowledged)
{
	struct bl_error why = {""};
	struct sealed_writer *writer =
		recover(outage, sealed_io_real(), device_fd, acknowledged, true);

	if (!writer)
		return;
	check_back(outage, writer, model);
	if (seal(writer, model, 4, NULL, &why) != BL_OK)
		fail_outage(outage, "%s", why.text);
	sealed_writer_close(writer);
}

/* What a failed run leaves, on the same disk. */
static void check_failed(const struct outage *outage, struct sealed_writer *writer,
			 struct recorder *recorder, struct model *model, bool is_retried,
			 struct tally *tally)
{
	bool is_over = is_retried && retry(writer, model, recorder) == BL_OK, is_any;

	sealed_writer_close(writer);
	tally->retries += is_over;
	if (!is_over)
		go_on_after(outage, recorder->device_fd, model,
			    acknowledged_before(recorder, recorder->count, &is_any));
}

static enum bl_status run_failing(const struct outage *outage, struct recorder *recorder,
				  struct model *model, bool is_retried, struct tally *tally)
{
	struct sealed_io io = disk_io(recorder);
	struct sealed_writer *writer = NULL;
	struct bl_error why = {""};
	struct stat st;
	enum bl_status status = sealed_create_by(&io, recorder->device_fd, ID, ROOT, SIZE,
						 SEALED_XCHACHA20, &writer, &why);

	if (status != BL_OK) {
		if (fstatat(recorder->device_fd, "image", &st, AT_SYMLINK_NOFOLLOW) == 0)
			fail_outage(outage, "something is left of what could not be made");
		return status;
	}
	recorder_ack(recorder, 0);
	status = seal(writer, model, 3, recorder, &why);
	if (status != BL_OK && !why.text[0])
		fail_outage(outage, "it fails without a word");
	if (status == BL_OK)
		sealed_writer_close(writer);
	else
		check_failed(outage, writer, recorder, model, is_retried, tally);
	check_image(outage, recorder->device_fd, model);
	return status;
}

/* True: there was no call of that number any more. */
static bool fail_once(unsigned call, size_t fault, struct tally *tally)
{
	struct outage outage = {"call", call, FAULTS[fault].what};
	struct place *place = new_place();
	struct recorder *recorder = recorder_new(place->fd);
	struct model *model = model_new();

	recorder->fail_at = call;
	recorder->error = FAULTS[fault].error;

	enum bl_status status =
		run_failing(&outage, recorder, model, FAULTS[fault].is_retried, tally);

	if (status != BL_OK && status != BL_IO)
		fail_outage(&outage, "it says %s", bl_status_name(status));
	tally->failures += status != BL_OK;

	bool was_last = recorder->calls < call;

	model_free(model);
	recorder_free(recorder);
	free_place(place);
	return was_last;
}

static void any_call_that_fails_is_told_and_gone_on_from(void **state BL_UNUSED)
{
	struct tally tally = {0, 0};

	for (size_t fault = 0; fault < BL_COUNT(FAULTS); fault++)
		for (unsigned call = 1; !fail_once(call, fault, &tally); call++)
			;
	print_message("%u failures, %u gone on from by the same writer\n", tally.failures,
		      tally.retries);
	assert_true(tally.failures > 300);
	assert_true(tally.retries > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_lost_at_any_step_loses_nothing_acknowledged),
		cmocka_unit_test(no_nonce_comes_twice_in_many_lives),
		cmocka_unit_test(any_call_that_fails_is_told_and_gone_on_from),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
