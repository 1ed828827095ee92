/* answer.c - granules for whoever asks, until they hang up */
#include "fs/image/container/ask.h"
#include "fs/image/container/child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(ASK_GRANULE == GRANULE_BYTES && ASK_SECTOR == SECTOR_BYTES,
	       "both sides count alike");

struct message {
	struct ask_answer head;
	uint8_t bytes[GRANULE_BYTES];
};

/* One message is one call: a SOCK_SEQPACKET socket takes it whole or not at all. */
static enum container_exit tell(const struct message *message)
{
	size_t length = sizeof(message->head);

	if (message->head.serial)
		length += message->head.length;
	for (;;) {
		ssize_t put = write(STDOUT_FILENO, message, length);

		if (put == (ssize_t)length)
			return EXIT_DONE;
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && (errno == EPIPE || errno == ECONNRESET))
			_Exit(EXIT_DONE);
		return EXIT_PIPE;
	}
}

/* EXIT_DONE and false: they hung up. */
static bool next_question(struct ask_question *out, enum container_exit *out_code)
{
	ssize_t got;

	do
		got = read(STDIN_FILENO, out, sizeof(*out));
	while (got < 0 && errno == EINTR);
	*out_code = got == 0 || got == (ssize_t)sizeof(*out) ? EXIT_DONE : EXIT_PIPE;
	return got == (ssize_t)sizeof(*out);
}

static void put_bad(const struct granule *granule, struct ask_answer *head)
{
	memset(head->is_bad, 0, sizeof(head->is_bad));
	for (uint32_t i = 0; i < GRANULE_SECTORS; i++)
		if (granule->is_bad[i])
			head->is_bad[i / 8] |= (uint8_t)(1u << i % 8);
}

static enum container_exit answer(struct input *input, const struct ask_question *question,
				  struct granule *granule, struct message *message)
{
	if (question->magic != ASK_MAGIC || question->offset % GRANULE_BYTES ||
	    question->offset >= input->bytes)
		return EXIT_USAGE;
	granule->offset = question->offset;
	granule->length =
		(uint32_t)BL_MIN(input->bytes - question->offset, (uint64_t)GRANULE_BYTES);
	memset(granule->is_bad, 0, sizeof(granule->is_bad));
	seal_rearm();
	BACKEND.read(input, granule);
	message->head = (struct ask_answer){
		.magic = ASK_MAGIC,
		.serial = question->serial,
		.offset = question->offset,
		.length = bytes_are_zero(granule->bytes, granule->length) ? 0 : granule->length,
	};
	put_bad(granule, &message->head);
	memcpy(message->bytes, granule->bytes, message->head.length);
	return tell(message);
}

enum container_exit answer_all(struct input *input)
{
	BL_CLEANUP(bl_free) struct granule *granule = calloc(1, sizeof(*granule));
	BL_CLEANUP(bl_free) struct message *message = calloc(1, sizeof(*message));
	enum container_exit code = EXIT_NO_MEMORY;
	struct ask_question question;

	if (!granule || !message)
		return code;
	message->head = (struct ask_answer){.magic = ASK_MAGIC, .offset = input->bytes};
	code = tell(message);
	while (code == EXIT_DONE && next_question(&question, &code))
		code = answer(input, &question, granule, message);
	return code;
}
