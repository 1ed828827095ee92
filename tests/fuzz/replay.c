/* Replays a corpus without libFuzzer: every file named on the command line, once. For `make check`. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		static uint8_t bytes[8 << 20];

		if (!file) {
			perror(argv[i]);
			return 1;
		}

		size_t length = fread(bytes, 1, sizeof(bytes), file);
		/* An exact copy, so that ASan sees a read one byte too far. */
		uint8_t *copy = malloc(length ? length : 1);

		if (!copy)
			abort();
		for (size_t k = 0; k < length; k++)
			copy[k] = bytes[k];
		LLVMFuzzerTestOneInput(copy, length);
		free(copy);
		fclose(file);
	}
	printf("replayed %d\n", argc - 1);
	return 0;
}
