<?php
// How many are in the cart. Reads the session and does not write it, so its
// rule says lock: barrier.
session_start(['read_and_close' => true]);
header('Content-Type: text/plain');
echo $_SESSION['cart'] ?? 0;
