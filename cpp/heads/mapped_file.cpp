namespace emonet {}
