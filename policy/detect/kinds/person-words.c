#include "policy/detect/kind.h"

const struct word_list person_words[] = {{"", 0}};
const size_t person_word_lists = BL_COUNT(person_words);
