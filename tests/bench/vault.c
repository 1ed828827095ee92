/*
 * The vault against what it is made of, on the disk of /tmp, in interleaved rounds; the best of each side counts.
 *
 *   vault SCRATCH-DIR
 *
 * vault.intake_vs_cipher   an intake (read, digest, seal, write, sync) against the slower of the two it cannot be faster than: the
 *                          bare cipher (64 KiB messages on one core) and the disk (the same bytes, O_DIRECT, 1 MiB at a time, synced).
 *                          Both are printed, and which one it was
 * vault.seal_vs_cipher     sealing alone, without source, digest and disk's sync: what the format costs
 * vault.intake_mib         the most memory that a process taking in a GiB ever had
 * shred.device_ms_*        from the request to the keys read back, before wiping: a GiB of random bytes; 100 GB sparse
 * shred.vs_shred_n1        overwriting the same GiB once (shred -n1) against destroying the device, to its certificate
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/intake/intake.h"
#include "fs/retention/retention.h"

#define ROUNDS	    3
#define IMAGE_BYTES (UINT64_C(1) << 30)
#define SPARSE	    (UINT64_C(100) << 30)
#define MIB	    ((size_t)1 << 20)

static const char POLICY[] =
	"bailee: 1\n"
	"name: bench\n"
	"serial: 1\n"
	"timezone: UTC\n"
	"people: {anna: {roles: [technician]}}\n"
	"roles: {technician: {}}\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules: [{id: look, permit: [list], who: [technician], why: Technicians look.}]\n"
	"retention: [{id: at-once, destroy_after: {intake: 1h}}]\n";

struct bench {
	struct device_store *store;
	struct audit *audit;
	struct policy *policy;
	char source[256];
	uint8_t *buffer; /* MIB, random */
	int64_t keys_ns; /* when the step behind the keys' verification began */
};

static void die(const char *what)
{
	fprintf(stderr, "bench vault: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(enum bl_status status, const struct bl_error *why, const char *what)
{
	if (status == BL_OK)
		return;
	fprintf(stderr, "bench vault: %s: %s\n", what, why->text);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t clock_now(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

static double gbps(uint64_t bytes, int64_t from_ns)
{
	return (double)bytes / (double)(now_ns() - from_ns);
}

/* ---- what it cannot be faster than ------------------------------------------------------------- */

static double cipher_gbps(struct bench *bench)
{
	static uint8_t key[32], nonce[12], tag[16];
	const uint64_t bytes = IMAGE_BYTES / 2;
	int64_t from = now_ns();

	for (uint64_t at = 0; at < bytes; at += SEALED_CHUNK) {
		uint8_t *chunk = bench->buffer + at % MIB;

		sodium_increment(nonce, sizeof(nonce));
		crypto_aead_aes256gcm_encrypt_detached(chunk, tag, NULL, chunk, SEALED_CHUNK, NULL,
						       0, NULL, nonce, key);
	}
	return gbps(bytes, from);
}

static double disk_gbps(struct bench *bench)
{
	int fd = openat(device_store_fd(bench->store), "plain",
			O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
	int64_t from = now_ns();

	for (uint64_t at = 0; fd >= 0 && at < IMAGE_BYTES; at += MIB)
		if (pwrite(fd, bench->buffer, MIB, (off_t)at) != (ssize_t)MIB)
			die("cannot write plainly");
	if (fd < 0 || fsync(fd) != 0)
		die("cannot write plainly");
	double rate = gbps(IMAGE_BYTES, from);

	close(fd);
	unlinkat(device_store_fd(bench->store), "plain", 0);
	return rate;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static void enroll(struct bench *bench, const char *id)
{
	struct device *device = calloc(1, sizeof(*device));
	struct bl_error why;

	if (!device)
		die("no memory");
	snprintf(device->id, sizeof(device->id), "%s", id);
	device->kind = DEVICE_LAPTOP;
	device->source_kind = SOURCE_SEALED;
	device->enrolled_unix = clock_now(NULL) - 86400;
	device->received_unix = device->enrolled_unix;
	must(device_enroll(bench->store, device, NULL, &why), &why, "enroll");
	free(device);
}

static bool go_on(void *context, const struct intake_progress *progress)
{
	(void)context, (void)progress;
	return true;
}

/* An intake lets go of what it has read: here its source comes from memory each time, as from a disk of its own. */
static void read_through(int fd)
{
	static uint8_t room[1 << 20];

	for (uint64_t at = 0; at < IMAGE_BYTES; at += sizeof(room))
		if (pread(fd, room, sizeof(room), (off_t)at) != (ssize_t)sizeof(room))
			die("cannot read the source");
}

static double intake_gbps(struct bench *bench, const char *id)
{
	int fd = open(bench->source, O_RDONLY | O_CLOEXEC);

	read_through(fd);
	const struct intake_source source = {.form = INTAKE_FILE, .fd = fd, .container = "raw"};
	const struct intake intake = {.store = bench->store,
				      .audit = bench->audit,
				      .by = getuid(),
				      .now_unix = clock_now,
				      .on_progress = go_on};
	struct intake_result result;
	struct bl_error why;

	enroll(bench, id);
	int64_t from = now_ns();

	must(intake_run(&intake, id, &source, NULL, false, NULL, &result, &why), &why, "intake");
	double rate = gbps(IMAGE_BYTES, from);

	close(fd);
	return rate;
}

static void root_of(struct bench *bench, const char *id, int *out_folder, uint8_t root[VAULT_KEY])
{
	struct bl_error why;

	must(device_folder(bench->store, id, out_folder, &why), &why, "folder");
	must(vault_image_root(device_store_vault(bench->store), id, root, &why), &why, "root");
}

/* Sealing to a file in memory would measure memory: the same disk, no digest, no source. */
static double seal_gbps(struct bench *bench, const char *id)
{
	BL_CLEANUP(fd_close) int folder = -1;
	BL_CLEANUP(sealed_writer_close) struct sealed_writer *writer = NULL;
	uint8_t root[VAULT_KEY];
	struct bl_error why;

	enroll(bench, id);
	root_of(bench, id, &folder, root);
	must(sealed_create(folder, id, root, IMAGE_BYTES, sealed_algorithm_here(), &writer, &why),
	     &why, "create");
	int64_t from = now_ns();

	for (uint64_t at = 0; at < IMAGE_BYTES; at += MIB)
		must(sealed_put(writer, bench->buffer, MIB, &why), &why, "put");
	must(sealed_checkpoint(writer, &why), &why, "checkpoint");
	return gbps(IMAGE_BYTES, from);
}

static void make_sparse(struct bench *bench, const char *id)
{
	BL_CLEANUP(fd_close) int folder = -1;
	BL_CLEANUP(sealed_writer_close) struct sealed_writer *writer = NULL;
	static const uint8_t digest[32] = {1};
	uint8_t root[VAULT_KEY];
	struct bl_error why;

	enroll(bench, id);
	root_of(bench, id, &folder, root);
	must(sealed_create(folder, id, root, SPARSE, sealed_algorithm_here(), &writer, &why), &why,
	     "create");
	/* A GiB of islands, one to every hundredth group. */
	for (uint64_t at = 0; at < SPARSE; at += 100 * MIB) {
		must(sealed_put(writer, bench->buffer, MIB, &why), &why, "put");
		must(sealed_skip(writer, BL_MIN((SPARSE - at) / MIB - 1, UINT64_C(99)), &why), &why,
		     "skip");
	}
	must(sealed_finish(writer, NULL, 0, digest, &why), &why, "finish");
	must(device_complete(bench->store, id, SPARSE, &why), &why, "complete");
}

/* ---- destroying ------------------------------------------------------------------------------------ */

static void on_step(void *context, const char *device, enum retention_step step)
{
	struct bench *bench = context;

	(void)device;
	if (step == STEP_TRY)
		bench->keys_ns = now_ns();
}

struct destroyed {
	double keys_ms, all_ms;
};

static struct destroyed destroy(struct bench *bench, const char *id)
{
	const struct retention_context context = {.store = bench->store,
						  .audit = bench->audit,
						  .policy = bench->policy,
						  .now = {clock_now(NULL), clock_now(NULL)},
						  .by = getuid(),
						  .on_step = on_step,
						  .step_context = bench};
	struct bl_error why;
	int64_t from = now_ns();

	must(retention_shred(&context, id, &why), &why, "shred");
	return (struct destroyed){(double)(bench->keys_ns - from) / 1e6,
				  (double)(now_ns() - from) / 1e6};
}

/* shred(1) with one pass, on a file of the same length and disk. */
static double shred_n1_ms(struct bench *bench)
{
	char path[300];
	int state;

	snprintf(path, sizeof(path), "%s.copy", bench->source);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint64_t at = 0; fd >= 0 && at < IMAGE_BYTES; at += MIB)
		if (pwrite(fd, bench->buffer, MIB, (off_t)at) != (ssize_t)MIB)
			die("cannot copy");
	if (fd < 0 || fsync(fd) != 0)
		die("cannot copy");
	close(fd);
	int64_t from = now_ns();
	pid_t pid = fork();

	if (pid == 0) {
		execlp("shred", "shred", "-n1", "-u", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &state, 0) != pid || state != 0)
		return 0;
	return (double)(now_ns() - from) / 1e6;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static enum bl_status keep_kit(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	(void)context, (void)kit, (void)why;
	return BL_OK;
}

static void open_all(struct bench *bench, const char *scratch)
{
	char path[256];
	struct rules_findings findings;
	struct bl_error why;

	snprintf(path, sizeof(path), "%s/vault-store", scratch);
	snprintf(bench->source, sizeof(bench->source), "%s/vault-source", scratch);
	must(device_store_create(path, NULL, &bench->store, &why), &why, "store");
	const struct audit_config config = {.store_fd = device_store_fd(bench->store),
					    .vault = device_store_vault(bench->store),
					    .keep_kit = keep_kit};

	must(audit_create(&config, &why), &why, "log");
	must(audit_open(&config, &bench->audit, &why), &why, "log");
	must(rules_parse(POLICY, sizeof(POLICY) - 1, &bench->policy, &findings, &why), &why,
	     "policy");
	bench->buffer = aligned_alloc(4096, MIB);
	if (!bench->buffer)
		die("no memory");
	randombytes_buf(bench->buffer, MIB);
}

/* In the page cache, as a disk that is faster than ours would bring it. */
static void make_source(struct bench *bench)
{
	int fd = open(bench->source, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint64_t at = 0; fd >= 0 && at < IMAGE_BYTES; at += MIB) {
		memcpy(bench->buffer, &at, sizeof(at));
		if (pwrite(fd, bench->buffer, MIB, (off_t)at) != (ssize_t)MIB)
			die("cannot write the source");
	}
	if (fd < 0 || fsync(fd) != 0)
		die("cannot write the source");
	close(fd);
}

static void say(const char *name, double value, const char *unit)
{
	printf("bench: %s %.2f %s\n", name, value, unit);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench bench = {.keys_ns = 0};
	double cipher = 0, disk = 0, intake = 0, seal = 0;
	char id[BL_DEVICE_ID_SIZE];
	struct rusage usage;

	if (argc != 2 || sodium_init() < 0 || !crypto_aead_aes256gcm_is_available()) {
		printf("bench: skipped: vault: no AES in hardware, or no scratch folder\n");
		return 0;
	}
	open_all(&bench, argv[1]);
	make_source(&bench);
	for (int round = 0; round < ROUNDS; round++) {
		cipher = fmax(cipher, cipher_gbps(&bench));
		disk = fmax(disk, disk_gbps(&bench));
		snprintf(id, sizeof(id), "IN-%d", round);
		intake = fmax(intake, intake_gbps(&bench, id));
		snprintf(id, sizeof(id), "SEAL-%d", round);
		seal = fmax(seal, seal_gbps(&bench, id));
	}
	getrusage(RUSAGE_SELF, &usage);
	say("vault.cipher_gbps", cipher, "GB/s");
	say("vault.disk_gbps", disk, "GB/s");
	say("vault.intake_gbps", intake, "GB/s");
	say(disk < cipher ? "vault.intake_vs_disk" : "vault.intake_vs_cipher",
	    intake / BL_MIN(disk, cipher), "x");
	say("vault.seal_gbps", seal, "GB/s");
	say("vault.intake_mib", (double)usage.ru_maxrss / 1024, "MiB");
	struct destroyed whole = destroy(&bench, "IN-0"), other = destroy(&bench, "IN-1");

	if (other.all_ms < whole.all_ms)
		whole = other;
	say("shred.device_ms.1g", whole.keys_ms, "ms");
	say("shred.certified_ms.1g", whole.all_ms, "ms");
	double plain = shred_n1_ms(&bench);

	if (plain > 0)
		say("shred.vs_shred_n1", plain / whole.all_ms, "x");
	else
		printf("bench: skipped: shred.vs_shred_n1: shred(1) is not installed\n");
	make_sparse(&bench, "SPARSE");
	struct destroyed sparse = destroy(&bench, "SPARSE");

	say("shred.device_ms.100g_sparse", sparse.keys_ms, "ms");
	say("shred.certified_ms.100g_sparse", sparse.all_ms, "ms");
	free(bench.buffer);
	audit_close(bench.audit);
	policy_unref(bench.policy);
	device_store_close(bench.store);
	return 0;
}
