/* Reads a request for a GPIO line and says what the kernel would understand; $1 is the ioctl's number. */
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    struct gpio_v2_line_request asked;
    char more;
    if (count != 2 || strtoul(arguments[1], NULL, 10) != GPIO_V2_GET_LINE_IOCTL) return 1;
    if (fread(&asked, sizeof asked, 1, stdin) != 1 || fread(&more, 1, 1, stdin) != 0) return 2;
    const struct gpio_v2_line_config_attribute *value = &asked.config.attrs[0];
    if (asked.num_lines != 1 || asked.config.num_attrs != 1 || asked.fd != -1) return 3;
    if (value->attr.id != GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) return 4;
    printf("%u %s%s%s %llu of %llu\n", asked.offsets[0], asked.consumer,
           asked.config.flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? " active-low" : "",
           asked.config.flags & GPIO_V2_LINE_FLAG_OUTPUT ? " output" : "", value->attr.values, value->mask);
    return 0;
}
