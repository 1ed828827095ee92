/* ipc.c - memory, queues and semaphores of the whole machine, keys */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- System V ------------------------------------------------------------------------------------------------------ */

static int shm_open_it(struct attack *attack, int flags)
{
	int id = shmget(number_of(attack->key), 4096, 0666 | flags);

	if (id < 0)
		return failed(attack, "shmget");
	attack->memory = shmat(id, NULL, 0);
	if (attack->memory == (void *)-1)
		return failed(attack, "shmat");
	attack->value = id;
	return 0;
}
static int shm_try(struct attack *attack)
{
	int error = shm_open_it(attack, 0);

	if (!error)
		memcpy(attack->memory, attack->marker, MARKER_LENGTH);
	return error;
}
static int shm_listen(struct attack *attack)
{
	return shm_open_it(attack, IPC_CREAT);
}
static bool shm_heard(struct attack *attack)
{
	shmctl((int)attack->value, IPC_RMID, NULL);
	return is_marker(attack, attack->memory, MARKER_LENGTH);
}

static int sem_try(struct attack *attack)
{
	int id = semget(number_of(attack->key), 1, 0666);
	struct sembuf up = {0, 1, 0};

	if (id < 0)
		return failed(attack, "semget");
	return semop(id, &up, 1) == 0 ? 0 : failed(attack, "semop");
}
static int sem_listen(struct attack *attack)
{
	attack->value = semget(number_of(attack->key), 1, 0666 | IPC_CREAT);
	return attack->value < 0 ? failed(attack, "semget") : 0;
}
static bool sem_heard(struct attack *attack)
{
	bool is_up = semctl((int)attack->value, 0, GETVAL) > 0;

	semctl((int)attack->value, 0, IPC_RMID);
	return is_up;
}

struct letter {
	long type;
	char bytes[MARKER_LENGTH];
};
static int queue_try(struct attack *attack)
{
	int id = msgget(number_of(attack->key), 0666);
	struct letter letter = {.type = 1};

	if (id < 0)
		return failed(attack, "msgget");
	memcpy(letter.bytes, attack->marker, MARKER_LENGTH);
	return msgsnd(id, &letter, MARKER_LENGTH, IPC_NOWAIT) == 0 ? 0 : failed(attack, "msgsnd");
}
static int queue_listen(struct attack *attack)
{
	attack->value = msgget(number_of(attack->key), 0666 | IPC_CREAT);
	return attack->value < 0 ? failed(attack, "msgget") : 0;
}
static bool queue_heard(struct attack *attack)
{
	struct letter letter = {0};
	ssize_t got = msgrcv((int)attack->value, &letter, MARKER_LENGTH, 0, IPC_NOWAIT);

	msgctl((int)attack->value, IPC_RMID, NULL);
	return is_marker(attack, letter.bytes, got);
}

/* ---- POSIX ----------------------------------------------------------------------------------------------------------- */

static const char *posix_name(const struct attack *attack, char *name)
{
	snprintf(name, 64, "/%s", attack->key);
	return name;
}
static int shared_try(struct attack *attack)
{
	char name[64];
	int fd = shm_open(posix_name(attack, name), O_RDWR | O_CREAT, 0666);

	if (fd < 0)
		return failed(attack, "shm_open");
	return write(fd, attack->marker, MARKER_LENGTH) > 0 ? 0 : failed(attack, "write");
}
static int listen_nothing(struct attack *attack)
{
	(void)attack;
	return 0;
}
static bool shared_heard(struct attack *attack)
{
	char name[64], bytes[MARKER_LENGTH];
	int fd = shm_open(posix_name(attack, name), O_RDONLY, 0);
	bool is_heard = fd >= 0 && is_marker(attack, bytes, read(fd, bytes, sizeof(bytes)));

	shm_unlink(name);
	return is_heard;
}
static int post_try(struct attack *attack)
{
	char name[64];
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = MARKER_LENGTH};
	mqd_t queue = mq_open(posix_name(attack, name), O_WRONLY | O_CREAT, 0666, &attributes);

	if (queue == (mqd_t)-1)
		return failed(attack, "mq_open");
	return mq_send(queue, attack->marker, MARKER_LENGTH, 0) == 0 ? 0
								     : failed(attack, "mq_send");
}
static bool post_heard(struct attack *attack)
{
	char name[64], bytes[MARKER_LENGTH];
	mqd_t queue = mq_open(posix_name(attack, name), O_RDONLY | O_NONBLOCK);
	bool is_heard = queue != (mqd_t)-1 &&
			is_marker(attack, bytes, mq_receive(queue, bytes, sizeof(bytes), NULL));

	mq_unlink(name);
	return is_heard;
}
static int semaphore_try(struct attack *attack)
{
	char name[64];
	sem_t *semaphore = sem_open(posix_name(attack, name), O_CREAT, 0666, 1);

	return semaphore != SEM_FAILED ? 0 : failed(attack, "sem_open");
}
static bool semaphore_heard(struct attack *attack)
{
	char name[64];
	sem_t *semaphore = sem_open(posix_name(attack, name), 0);
	bool is_heard = semaphore != SEM_FAILED;

	sem_unlink(name);
	return is_heard;
}

/* ---- memory that others could map ---------------------------------------------------------------------------------------- */

static int memory_file(struct attack *attack)
{
	return syscall(SYS_memfd_create, "m", 0) >= 0 ? 0 : failed(attack, "memfd_create");
}
static int secret_memory(struct attack *attack)
{
	return syscall(SYS_memfd_secret, 0) >= 0 ? 0 : failed(attack, "memfd_secret");
}
static int merged(struct attack *attack)
{
	char *bytes = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return madvise(bytes, 65536, MADV_MERGEABLE) == 0 ? 0 : failed(attack, "madvise");
}

static int merged_all(struct attack *attack)
{
	return prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0) == 0 ? 0 : failed(attack, "prctl");
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------- */

#define SESSION_KEYRING	     -3
#define USER_KEYRING	     -4
#define USER_SESSION_KEYRING -5
#define PROCESS_KEYRING	     -2
#define KEYCTL_READ	     11
#define KEYCTL_SEARCH	     10
#define KEYCTL_LINK	     8
#define KEYCTL_SETPERM	     5
#define KEYCTL_JOIN	     1
#define KEYCTL_PERSISTENT    22

static int key_try(struct attack *attack, long ring)
{
	long key = syscall(SYS_add_key, "user", attack->key, attack->marker, (size_t)MARKER_LENGTH,
			   ring);

	if (key < 0)
		return failed(attack, "add_key");
	syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f);
	return 0;
}
static bool key_heard(struct attack *attack, long ring)
{
	char bytes[MARKER_LENGTH];
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", attack->key, 0);

	return key >= 0 && is_marker(attack, bytes,
				     syscall(SYS_keyctl, KEYCTL_READ, key, bytes, sizeof(bytes)));
}
static int user_try(struct attack *attack)
{
	return key_try(attack, USER_KEYRING);
}
/* A key is its searcher's own when the ring hangs in its session. */
static int user_listen(struct attack *attack)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN, NULL) < 0)
		return failed(attack, "join");
	return syscall(SYS_keyctl, KEYCTL_LINK, USER_KEYRING, SESSION_KEYRING) == 0
		       ? 0
		       : failed(attack, "link");
}
static bool user_heard(struct attack *attack)
{
	return key_heard(attack, USER_KEYRING);
}
static int session_try(struct attack *attack)
{
	return key_try(attack, SESSION_KEYRING);
}
static bool session_heard(struct attack *attack)
{
	return key_heard(attack, SESSION_KEYRING);
}
static int persistent(struct attack *attack)
{
	long ring = syscall(SYS_keyctl, KEYCTL_PERSISTENT, -1, PROCESS_KEYRING);

	attack->value = ring;
	return ring < 0 ? failed(attack, "keyctl") : 0;
}
static int persistent_try(struct attack *attack)
{
	int error = persistent(attack);

	return error ? error : key_try(attack, attack->value);
}
static bool persistent_heard(struct attack *attack)
{
	return key_heard(attack, attack->value);
}

const struct row ipc_rows[] = {
	{"shm-sysv", "System V shared memory", PEER, shm_try, shm_listen, shm_heard},
	{"sem-sysv", "a System V semaphore", PEER, sem_try, sem_listen, sem_heard},
	{"queue-sysv", "a System V queue", PEER, queue_try, queue_listen, queue_heard},
	{"shm-posix", "POSIX shared memory", PEER, shared_try, listen_nothing, shared_heard},
	{"queue-posix", "a POSIX queue", PEER, post_try, listen_nothing, post_heard},
	{"sem-posix", "a POSIX semaphore", PEER, semaphore_try, listen_nothing, semaphore_heard},
	{"memory-file", "a memory file", 0, memory_file, NULL, NULL},
	{"memory-secret", "a secret memory file", 0, secret_memory, NULL, NULL},
	{"memory-merged", "memory that is merged with others'", 0, merged, NULL, NULL},
	{"memory-merged-all", "all its memory merged with others'", 0, merged_all, NULL, NULL},
	{"key-user", "a key in the user's ring", 0, user_try, user_listen, user_heard},
	{"key-session", "a key in the session ring it was started with", PEER, session_try,
	 listen_nothing, session_heard},
	{"key-persistent", "a key in the user's persistent ring", 0, persistent_try, persistent,
	 persistent_heard},
	{0},
};
