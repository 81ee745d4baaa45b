# <?php exit()?>
# The password is "correct horse battery".
editor:$2y$05$4LFZSuAL78A3wF80pMA98OLtNSHNvAAOFdQqElhFUFIourVgMFDYy:Ed Itor:editor@gate.test:user
