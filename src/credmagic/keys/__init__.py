"""Key providers: who keeps the key that opens a store. One file each; `base` says what one must do."""
