/* Containers with bytes changed at random: the program ends by itself, with words, within its memory, and never leaves its seal. */
#include "container-stage.h"

#include <sys/resource.h>

#define FLIPS	   45u
#define MEMORY_KIB (512 * 1024)
#define QEMU	   "qemu-img convert -f raw -O "

/* Where tables lie: a half of all flips goes there. */
struct victim {
	const char *name, *tool, *make, *open;
	uint32_t tables_at, tables_length;
	bool is_checked; /* by sums of its own: no byte may come out wrong */
};

static const struct victim VICTIMS[] = {
	{"qcow2", "qemu-img", QEMU "qcow2 raw.dd a", "a", 0, 1024, false},
	{"qcow2, compressed", "qemu-img", QEMU "qcow2 -c raw.dd b", "b", 0, 1024, false},
	{"qcow 1", "qemu-img", QEMU "qcow raw.dd c", "c", 0, 256, false},
	{"VMDK", "qemu-img", QEMU "vmdk raw.dd d", "d", 0, 2048, false},
	{"VMDK, streamOptimized", "qemu-img", QEMU "vmdk -o subformat=streamOptimized raw.dd e",
	 "e", 0, 2048, false},
	{"VHD", "qemu-img", QEMU "vpc -o force_size=on raw.dd f", "f", 512, 2048, false},
	{"VHDX", "qemu-img", QEMU "vhdx raw.dd g", "g", 65536, 200000, false},
	{"E01", "ewfacquire", "ewfacquire -u -c none -f encase6 -t h raw.dd && mv h.E01 h", "h", 0,
	 4096, true},
	{"E01, compressed", "ewfacquire",
	 "ewfacquire -u -c best -f encase6 -t i raw.dd && mv i.E01 i", "i", 0, 4096, true},
};

static void assert_nothing_wrong(const struct stage *stage, const struct seen *seen, unsigned flip)
{
	for (uint64_t i = 0; i < seen->length && i < RAW_BYTES; i++)
		if (!seen->is_bad[i] && seen->bytes[i] != stage->raw[i])
			fail_msg("flip %u: byte %zu is wrong", flip, (size_t)i);
}

/* Opened and streamed: done, or refused in words. A library that dies in its seal harms nobody, and is told. */
static void assert_ends_well(const struct stage *stage, const struct victim *victim, unsigned flip)
{
	struct bl_error why = {""};
	struct seen seen;
	enum bl_status status = stage_stream(stage, "bad", 0, 8 * RAW_BYTES, &seen, &why);
	bool is_dead = status == BL_IO && (strstr(why.text, "died of signal 11") ||
					   strstr(why.text, "died of signal 6"));

	if (status == BL_OK && !seen.is_whole && seen.total <= 8 * RAW_BYTES)
		fail_msg("%s, flip %u: ended early and said nothing", victim->name, flip);
	if (status != BL_OK && status != BL_INVALID && status != BL_UNSUPPORTED && !is_dead)
		fail_msg("%s, flip %u: %s", victim->name, flip, why.text);
	if (status != BL_OK && !why.text[0])
		fail_msg("%s, flip %u: refused without words", victim->name, flip);
	if (victim->is_checked && seen.total == RAW_BYTES)
		assert_nothing_wrong(stage, &seen, flip);
	seen_done(&seen);
}

/* The magic stays, or it is a plain image. */
static void flip_some(uint8_t *bytes, size_t length, const struct victim *victim, unsigned flip)
{
	uint64_t seed = 1000 + flip;

	for (unsigned i = 0; i < 1 + flip % 4; i++) {
		size_t at = stage_random(&seed) % length;
		if (flip % 2)
			at = victim->tables_at + stage_random(&seed) % victim->tables_length;
		if (at >= 24 && at < length)
			bytes[at] = (uint8_t)stage_random(&seed);
	}
}

static void flip_all(const struct stage *stage, const struct victim *victim)
{
	size_t length;
	uint8_t *good = stage_read(stage, victim->open, &length), *bad = malloc(length + 1);

	assert_non_null(bad);
	for (unsigned flip = 0; flip < FLIPS; flip++) {
		memcpy(bad, good, length);
		flip_some(bad, length, victim, flip);
		stage_write(stage, "bad", bad, length);
		assert_ends_well(stage, victim, flip);
	}
	free(good);
	free(bad);
}

static void changed_containers_end_in_words(void **state)
{
	const struct stage *stage = *state;
	struct rusage usage;

	for (size_t i = 0; i < BL_COUNT(VICTIMS); i++) {
		if (!stage_has(stage, VICTIMS[i].tool)) {
			print_message("left out, no %s: %s\n", VICTIMS[i].tool, VICTIMS[i].name);
			continue;
		}
		assert_int_equal(stage_run(stage, VICTIMS[i].make), 0);
		flip_all(stage, &VICTIMS[i]);
	}
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
	assert_true(usage.ru_maxrss <= MEMORY_KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_containers_end_in_words),
	};

	return cmocka_run_group_tests(tests, stage_setup, stage_teardown);
}
