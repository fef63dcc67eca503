/* An external delegate of TensorFlow Lite for the tests, which takes over what turns the picture's bytes into int8 and
 * fails when it is told to, as a stick does that is missing, pulled out or broken.
 *
 * Options: `control` names a file whose first word says where to fail: create, prepare, invoke; anything else: nowhere.
 * The file is read at each step, so that a test can pull the stick out and plug it in again while the network runs.
 * `calls`, where it is given, names a file that gets a line for each of create, prepare, invoke and destroy.
 *
 * What is declared here is the part that we need of TensorFlow Lite's C interface for delegates, on 64-bit machines:
 * https://www.tensorflow.org/lite/performance/implementing_delegate and tensorflow/lite/core/c/common.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, FAILED = 1, QUANTIZE = 114, OWNS_DELEGATE = 1 };

typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct {
    int32_t size, data[];
} Numbers;

typedef struct {
    int32_t type;
    void *data;
    Numbers *dims;
    struct {
        float scale;
        int32_t zero_point;
    } params;
    int32_t allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    Delegate *delegate;
    int32_t buffer_handle;
    bool stale, variable;
    struct {
        int32_t type;
        void *params;
    } quantization;
    void *sparsity;
    const Numbers *dims_signature;
} Tensor;

typedef struct {
    Numbers *inputs, *outputs, *intermediates, *temporaries;
    void *user_data;
    /* more follows, which is not needed here */
} Node;

typedef struct {
    void *(*init)(Context *, const char *, size_t);
    void (*release)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling)(const Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int32_t version;
    void *others[8]; /* room for what later versions have; zero is right for all of it */
} Kernel;

struct Context {
    size_t tensor_count;
    int (*execution_plan)(Context *, Numbers **);
    Tensor *tensors;
    void *own;
    int (*resize)(Context *, Tensor *, Numbers *);
    void (*report)(Context *, const char *, ...);
    int (*add_tensors)(Context *, int, int *);
    int (*node)(Context *, int, Node **, Kernel **);
    int (*replace)(Context *, Kernel, const Numbers *, Delegate *);
    /* more follows */
};

struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    void *copy_from, *copy_to, *free_handle;
    int64_t flags;
    void *builder;
};

typedef struct {
    char control[512], calls[512];
} Options;

typedef struct { /* what a kernel's init is given */
    Delegate *delegate;
    Numbers *nodes, *inputs, *outputs;
} Params;

static int step(const Options *options, const char *name) {
    if (options->calls[0]) {
        FILE *calls = fopen(options->calls, "a");
        if (calls) fprintf(calls, "%s\n", name), fclose(calls);
    }
    char word[16] = "";
    FILE *control = options->control[0] ? fopen(options->control, "r") : NULL;
    if (control) {
        if (fscanf(control, "%15s", word) != 1) word[0] = 0;
        fclose(control);
    }
    return strcmp(word, name) == 0 ? FAILED : OK;
}

static void *kernel_init(Context *context, const char *params, size_t size) {
    (void)context, (void)size;
    return ((const Params *)params)->delegate->data;
}

static int kernel_prepare(Context *context, Node *node) {
    (void)context, (void)node;
    return OK;
}

static int kernel_invoke(Context *context, Node *node) {
    if (step(node->user_data, "invoke") != OK) {
        context->report(context, "test delegate: the stick does not answer");
        return FAILED;
    }
    const Tensor *from = &context->tensors[node->inputs->data[0]], *to = &context->tensors[node->outputs->data[0]];
    const uint8_t *pixels = from->data;
    int8_t *values = to->data;
    for (size_t i = 0; i < to->bytes; i++) values[i] = (int8_t)(pixels[i] - 128);
    return OK;
}

static int delegate_prepare(Context *context, Delegate *delegate) {
    if (step(delegate->data, "prepare") != OK) {
        context->report(context, "test delegate: the stick refuses the network");
        return FAILED;
    }
    Numbers *plan;
    if (context->execution_plan(context, &plan) != OK) return FAILED;
    Numbers *taken = malloc(sizeof *taken + sizeof taken->data[0]);
    taken->size = 0;
    for (int i = 0; i < plan->size && taken->size == 0; i++) {
        Node *node;
        Kernel *kernel;
        if (context->node(context, plan->data[i], &node, &kernel) != OK) return FAILED;
        if (kernel->builtin_code == QUANTIZE) taken->data[taken->size++] = plan->data[i];
    }
    const Kernel mine = {
        .init = kernel_init, .prepare = kernel_prepare, .invoke = kernel_invoke, .custom_name = "test-delegate"};
    const int code = context->replace(context, mine, taken, delegate);
    free(taken);
    return code;
}

Delegate *tflite_plugin_create_delegate(const char *const *names, const char *const *values, size_t count,
                                        void (*report)(const char *)) {
    Options *options = calloc(1, sizeof *options);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], "control") == 0) snprintf(options->control, sizeof options->control, "%s", values[i]);
        if (strcmp(names[i], "calls") == 0) snprintf(options->calls, sizeof options->calls, "%s", values[i]);
    }
    if (step(options, "create") != OK) {
        free(options);
        if (report) report("no stick is plugged in");
        return NULL;
    }
    Delegate *delegate = calloc(1, sizeof *delegate);
    delegate->data = options;
    delegate->prepare = delegate_prepare;
    return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
    if (!delegate) return; /* the Python binding destroys also what was never created */
    step(delegate->data, "destroy");
    free(delegate->data);
    free(delegate);
}
